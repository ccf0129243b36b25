import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { BareUpstream } from '../../test/hardening/bare-upstream.ts'

const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()
const options = hasOpenssl ? {} : { skip: 'openssl is not installed' }

/** A certificate of its own for `app.test`, as files. */
function certificate(t: Test): { cert: string; key: string } {
  const dir = t.testdir()
  const cert = join(dir, 'cert.pem')
  const key = join(dir, 'key.pem')
  const names = ['-subj', '/CN=app.test', '-addext', 'subjectAltName=DNS:app.test']
  const files = ['-keyout', key, '-out', cert]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, ...files], { stdio: 'ignore' })
  return { cert, key }
}

async function backend(t: Test, files: { cert: string; key: string }, requestCert = false) {
  const seen: { name: string | false | null; peer: boolean }[] = []
  const material = { cert: readFileSync(files.cert), key: readFileSync(files.key), ca: readFileSync(files.cert) }
  const server = createServer({ ...material, requestCert, rejectUnauthorized: requestCert }, (socket: TLSSocket) => {
    seen.push({ name: socket.servername as string | false | null, peer: socket.authorized })
    socket.on('error', () => {})
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { seen, url: `https://127.0.0.1:${port}`, named: `https://localhost:${port}` }
}

function upstream(t: Test, url: string, tls: object): BareUpstream {
  const bare = new BareUpstream([url], { upstream: { tls }, retry: false })
  t.teardown(() => bare.close())
  return bare
}

t.test('a certificate must be trusted and have the right name', options, async (t) => {
  const files = certificate(t)
  const { url, named, seen } = await backend(t, files)
  t.equal((await upstream(t, url, {}).get()).failure?.code, 'tls_failed', 'not trusted')
  t.equal((await upstream(t, named, { ca: files.cert }).get()).failure?.code, 'tls_failed', 'another name')
  const right = upstream(t, url, { ca: files.cert, server_name: 'app.test' })
  t.equal((await right.get()).body, 'ok')
  t.equal(seen.at(-1)?.name, 'app.test')
  t.equal((await upstream(t, url, { verify: false }).get()).body, 'ok')
})

t.test('the name asked for is the endpoint’s, whatever Host the client sent', options, async (t) => {
  const files = certificate(t)
  const { named, seen } = await backend(t, files)
  const bare = upstream(t, named, { verify: false })
  for (const authority of ['a.example', 'b.example', 'c.example']) {
    t.equal((await bare.get({ authority })).body, 'ok')
  }
  t.same(
    seen.map(({ name }) => name),
    ['localhost'],
  )
})

t.test('a certificate of our own is shown to those who ask', options, async (t) => {
  const files = certificate(t)
  const { url, seen } = await backend(t, files, true)
  const tls = { ca: files.cert, server_name: 'app.test' }
  t.ok((await upstream(t, url, tls).get()).failure)
  t.equal((await upstream(t, url, { ...tls, cert: files.cert, key: files.key }).get()).body, 'ok')
  t.equal(seen.at(-1)?.peer, true)
})

t.test('a certificate file that cannot be read is an error when the configuration is loaded', async (t) => {
  t.throws(() => new BareUpstream(['https://a'], { upstream: { tls: { ca: '/nowhere/ca.pem' } } }), { code: 'ENOENT' })
})
