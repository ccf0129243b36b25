/** The admin listener over real sockets: what it serves, to whom, and what it refuses. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { silentLog } from '../core/log.ts'
import type { AdminView, ReloadReport } from './api.ts'
import { AdminServer } from './server.ts'

const TOKEN = 'an-operators-long-token'

interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

function view(over: Partial<AdminView> = {}): AdminView {
  return {
    notReady: () => undefined,
    metrics: async () => ({ type: 'text/plain; version=0.0.4; charset=utf-8', text: 'gateway_up 1\n' }),
    config: () => ({ admin: { token: '[redacted]' } }),
    routes: () => [{ name: 'all' }],
    upstreams: () => [{ name: 'app' }],
    changeEndpoint: (upstream, url) => upstream === 'app' && url === 'http://a',
    purge: async (wish) => (wish.urls.includes('bad') ? 'that is no URL' : { matched: 1, wish }),
    reload: async (): Promise<ReloadReport> => ({ result: 'applied', problems: [] }),
    ...over,
  }
}

interface Teardown {
  teardown(task: () => Promise<void>): unknown
}

async function start(test: Teardown, options: { token?: string; address?: string; view?: AdminView } = {}) {
  const config = { address: options.address ?? '127.0.0.1:0', token: options.token ?? '' }
  const admin = await AdminServer.start(config, options.view ?? view(), silentLog)
  test.teardown(() => admin.close())
  const port = Number(/:(\d+)$/.exec(admin.address)?.[1])
  const ask = (method: string, path: string, headers: Record<string, string> = {}) => send(port, method, path, headers)
  return { admin, port, ask }
}

function send(port: number, method: string, path: string, headers: Record<string, string>): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const req = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (res) => {
    let body = ''
    res.setEncoding('utf8')
    res.on('data', (text: string) => {
      body += text
    })
    res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body }))
  })
  req.on('error', reject)
  req.end()
  return promise
}

function raw(port: number, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket: Socket = connect(port, '127.0.0.1', () => socket.write(text))
  let got = ''
  socket.setEncoding('latin1')
  socket.on('data', (part: string) => {
    got += part
  })
  socket.on('error', () => {})
  socket.on('close', () => resolve(got))
  return promise
}

t.test('every page answers, and the index names them all', async (t) => {
  const { ask } = await start(t)
  const index = await ask('GET', '/')
  for (const path of ['/healthz', '/readyz', '/metrics', '/api/v1/config', '/api/v1/routes', '/api/v1/upstreams']) {
    t.match(index.body, path)
    t.equal((await ask('GET', path)).status, 200, path)
  }
  t.match(index.body, 'POST /api/v1/reload')
  t.match((await ask('GET', '/', { accept: 'text/html' })).body, /<a href="\/metrics">/)
})

t.test('metrics come as text, whatever Accept says', async (t) => {
  const { ask } = await start(t)
  const answer = await ask('GET', '/metrics?x=1', { accept: 'application/json' })
  t.equal(answer.body, 'gateway_up 1\n')
  t.match(answer.headers['content-type'], /^text\/plain/)
})

t.test('answers are never stored, sniffed or framed', async (t) => {
  const { ask } = await start(t)
  const { headers } = await ask('GET', '/api/v1/routes')
  t.equal(headers['cache-control'], 'no-store')
  t.equal(headers['x-content-type-options'], 'nosniff')
  t.match(headers['content-security-policy'], /frame-ancestors 'none'/)
})

t.test('HEAD has the header section of GET and no body', async (t) => {
  const { ask } = await start(t)
  const answer = await ask('HEAD', '/metrics')
  t.equal(answer.status, 200)
  t.equal(answer.headers['content-length'], '13')
  t.equal(answer.body, '')
})

t.test('a gateway that starts or drains is alive, but not ready', async (t) => {
  const { ask } = await start(t, { view: view({ notReady: () => 'draining' }) })
  t.equal((await ask('GET', '/healthz')).status, 200)
  const ready = await ask('GET', '/readyz')
  t.equal(ready.status, 503)
  t.equal(ready.body, 'draining\n')
})

t.test('with a token, only probes go without it', async (t) => {
  const { ask, admin } = await start(t, { token: TOKEN })
  t.equal((await ask('GET', '/healthz')).status, 200)
  t.equal((await ask('GET', '/readyz')).status, 200)
  for (const path of ['/', '/metrics', '/api/v1/config', '/nothing-here']) {
    const refused = await ask('GET', path)
    t.equal(refused.status, 401, path)
    t.match(refused.headers['www-authenticate'], /^Bearer /)
    t.equal(refused.headers['content-type'], 'application/problem+json')
  }
  t.equal((await ask('GET', '/metrics', { authorization: `Bearer ${TOKEN}` })).status, 200)
  t.equal((await ask('GET', '/metrics', { authorization: `bearer ${TOKEN}` })).status, 200)
  const wrong = ['Bearer x', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, TOKEN, 'Bearer', `Bearer ${TOKEN} ${TOKEN}`]
  for (const authorization of wrong) {
    t.equal((await ask('GET', '/metrics', { authorization })).status, 401, authorization)
  }
  admin.setToken('another-one')
  t.equal((await ask('GET', '/metrics', { authorization: `Bearer ${TOKEN}` })).status, 401)
})

t.test('on loopback, a name that is not of this machine is refused (DNS rebinding)', async (t) => {
  const { ask, port } = await start(t)
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    '127.0.0.1.evil.example',
    '10.0.0.1',
    'localhost.evil.example',
  ]) {
    t.equal((await ask('GET', '/api/v1/config', { host })).status, 403, host)
  }
  for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', '127.1.2.3:1', '[::1]', 'gateway.localhost']) {
    t.equal((await ask('GET', '/api/v1/config', { host })).status, 200, host)
  }
  t.equal((await ask('GET', '/healthz', { host: 'probe.example' })).status, 200, 'probes may use any name')
})

t.test('pages of other origins cannot make it reload', async (t) => {
  let reloads = 0
  const counting = view({
    reload: async () => {
      reloads++
      return { result: 'applied', problems: [] }
    },
  })
  const { ask, port } = await start(t, { view: counting })
  const refused = [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:1' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]
  for (const headers of refused) t.equal((await ask('POST', '/api/v1/reload', headers)).status, 403)
  t.equal(reloads, 0)
  t.equal((await ask('POST', '/api/v1/reload')).status, 200)
  t.equal((await ask('POST', '/api/v1/reload', { origin: `http://127.0.0.1:${port}` })).status, 200)
  t.equal(reloads, 2)
})

t.test('a rejected reload says why', async (t) => {
  const problems = ['gateway.yaml:3:5  routes[0]  has nothing to answer with']
  const { ask } = await start(t, { view: view({ reload: async () => ({ result: 'rejected', problems }) }) })
  const answer = await ask('POST', '/api/v1/reload')
  t.equal(answer.status, 422)
  t.same(JSON.parse(answer.body), { result: 'rejected', problems })
})

t.test('an endpoint is drained, enabled and weighted, and a wrong wish says what is wrong', async (t) => {
  const wishes: unknown[] = []
  const changeEndpoint: AdminView['changeEndpoint'] = (upstream, url, wish) => {
    wishes.push([upstream, url, wish])
    return url === 'http://a'
  }
  const { ask } = await start(t, { view: view({ changeEndpoint }) })
  const change = async (query: string) => {
    const { status, body } = await ask('POST', `/api/v1/endpoints?${query}`)
    return status === 200 ? 200 : `${status} ${(JSON.parse(body) as { title: string }).title}`
  }
  const at = 'upstream=app&url=http%3A%2F%2Fa'
  t.equal(await change(`${at}&drain=true`), 200)
  t.equal(await change(`${at}&drain=false&weight=3`), 200)
  t.equal(await change(`${at}&weight=default`), 200)
  t.same(wishes, [
    ['app', 'http://a', { drained: true }],
    ['app', 'http://a', { drained: false, weight: 3 }],
    ['app', 'http://a', { weight: null }],
  ])
  t.equal(await change('upstream=app&url=http%3A%2F%2Fb&drain=true'), '404 No such upstream or endpoint')
  t.equal(await change('drain=true'), '400 upstream and url are required')
  t.equal(await change(at), '400 drain or weight is required')
  t.equal(await change(`${at}&drain=yes`), '400 drain must be true or false')
  t.equal(await change(`${at}&weight=-1`), '400 weight must be a number from 0 to 1000, or default')
  t.equal(await change(`${at}&weight=1&wieght=2`), '400 Unknown parameter wieght')
  t.equal(wishes.length, 4)
})

t.test('unknown pages and wrong methods are told apart', async (t) => {
  const { ask } = await start(t)
  t.equal((await ask('GET', '/metricsx')).status, 404)
  t.equal((await ask('GET', '/../etc/passwd')).status, 404)
  t.equal((await ask('GET', '/__proto__')).status, 404)
  const posted = await ask('POST', '/metrics')
  t.equal(posted.status, 405)
  t.equal(posted.headers.allow, 'GET, HEAD')
  const got = await ask('GET', '/api/v1/reload')
  t.equal(got.status, 405)
  t.equal(got.headers.allow, 'POST')
})

t.test('a page that fails is a 500 without details, and the next request works', async (t) => {
  let isBroken = true
  const broken = view({
    config: () => {
      if (isBroken) throw new Error('secret detail')
      return {}
    },
  })
  const { ask } = await start(t, { view: broken })
  const answer = await ask('GET', '/api/v1/config')
  t.equal(answer.status, 500)
  t.notMatch(answer.body, 'secret')
  isBroken = false
  t.equal((await ask('GET', '/api/v1/config')).status, 200)
})

t.test('garbage, huge headers and huge bodies end their connection only', async (t) => {
  const { ask, port } = await start(t)
  t.match(await raw(port, 'no http at all\r\n\r\n'), /^HTTP\/1.1 400/)
  t.match(
    await raw(port, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1.1 4\d\d|^$/,
  )
  const flood = `POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(200_000)}`
  await raw(port, flood)
  t.equal((await ask('GET', '/metrics')).status, 200)
})

t.test('an address that is taken is an error at start', async (t) => {
  const { admin } = await start(t)
  await t.rejects(AdminServer.start({ address: admin.address, token: '' }, view(), silentLog), { code: 'EADDRINUSE' })
})

t.test('a unix socket serves without a Host check', async (t) => {
  // Not in t.testdir(): its length depends on where the checkout is, and the kernel bounds the path of a socket.
  const folder = mkdtempSync(join(tmpdir(), 'admin-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'admin.sock')
  const { admin } = await start(t, { address: `unix:${path}` })
  t.equal(admin.address, `unix:${path}`)
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const req = request({ socketPath: path, path: '/metrics', headers: { host: 'whatever' }, agent: false }, (res) => {
    res.resume()
    res.on('end', () => resolve(res.statusCode ?? 0))
  })
  req.on('error', reject)
  req.end()
  t.equal(await promise, 200)
})

t.test('a purge takes any number of URLs, tags and groups, and says what is wrong', async (t) => {
  const { ask } = await start(t)
  const done = await ask('POST', '/api/v1/cache/purge?url=/a&url=/b&tag=x&soft=true&prefix=false')
  t.equal(done.status, 200)
  t.match(JSON.parse(done.body).wish, { urls: ['/a', '/b'], tags: ['x'], isSoft: true, isPrefix: false, isAll: false })
  for (const wrong of ['url=bad', 'uri=/a', 'all=yes', 'tag=x&dry_run=1']) {
    t.equal((await ask('POST', `/api/v1/cache/purge?${wrong}`)).status, 400, wrong)
  }
  t.equal((await ask('GET', '/api/v1/cache/purge?all=true')).status, 405)
  t.equal((await ask('POST', '/api/v1/cache/purge?all=true', { origin: 'https://evil.example' })).status, 403)
})
