import fc from 'fast-check'
import t from 'tap'
import { isDeceptive, overridesMethod } from './guard.ts'
import { compileKeys } from './key.ts'

t.test('a method in a field is seen in any case, and in no other field', async (t) => {
  for (const name of ['X-HTTP-Method-Override', 'x-http-method', 'X-METHOD-OVERRIDE']) {
    t.equal(overridesMethod(['Host', 'a', name, 'DELETE']), true, name)
  }
  const harmless = ['Host', 'X-HTTP-Method-', 'X-HTTP-Methods', 'Accept-Language', 'X-HTTP-Method-Overrides', '']
  t.equal(overridesMethod(harmless.flatMap((name) => [name, 'X-HTTP-Method-Override'])), false)
})

t.test('a page under the name of a static file is no static file, unless its backend says so itself', async (t) => {
  const page = ['Content-Type', 'text/html; charset=utf-8']
  for (const path of ['/account/x.css', '/account;x.css', '/account/..;/x.JS', '/a%2Fx.png', '/x.woff2'])
    for (const from of ['configured', 'override', 'heuristic'] as const)
      t.equal(isDeceptive(path, page, from), true, `${path} ${from}`)
  for (const from of ['max-age', 's-maxage', 'expires'] as const)
    t.equal(isDeceptive('/x.css', page, from), false, from)
  for (const type of ['text/css', 'application/javascript', 'image/svg+xml', 'application/octet-stream'])
    t.equal(isDeceptive('/x.css', ['Content-Type', type], 'configured'), false, type)
  for (const type of ['application/json', 'application/problem+json', 'APPLICATION/XHTML+XML'])
    t.equal(isDeceptive('/x.css', ['Content-Type', type], 'configured'), true, type)
  for (const path of ['/', '/account', '/css', '/x.css/', '/x.csss', '/x.html', '/data.json', '/main.js.map'])
    t.equal(isDeceptive(path, page, 'configured'), false, path)
})

t.test('whatever a backend is told of scheme and host by way of a proxy is part of the key', async (t) => {
  const rules = { query: 'all', headers: [], cookies: [], host: true } as const
  const { partition } = compileKeys('r', rules)
  const request = {
    method: 'GET',
    authority: 'a.example',
    host: 'a.example',
    path: '/',
    query: '',
    headers: [],
    body: null,
  }
  const of = (scheme: 'http' | 'https', trusted: boolean, ...forwarded: string[]) =>
    partition({ ...request, scheme }, { address: '10.0.0.1', client: '192.0.2.1', trusted, forwarded })
  t.equal(of('http', false, 'X-Forwarded-Host', 'a.example'), 'r')
  t.equal(
    of('http', true, 'X-Forwarded-For', '192.0.2.1', 'X-Forwarded-Host', 'a.example'),
    'r',
    'nothing is added to the usual',
  )
  t.not(of('https', false), of('http', false))
  const told = (host: string) => of('http', true, 'X-Forwarded-Host', host)
  const written = (forwarded: string) => of('http', true, 'Forwarded', forwarded)
  t.equal(written('for=192.0.2.1;host=a'), written('for=192.0.2.99;host=a'), 'clients share')
  t.not(written('for=192.0.2.1;host=a'), written('for=192.0.2.1;host=b'))
  t.not(written('for=192.0.2.1;Host="evil, host=a"'), written('for=192.0.2.1;host=a'))
  fc.assert(fc.property(fc.domain(), fc.domain(), (one, other) => (told(one) === told(other)) === (one === other)))
})
