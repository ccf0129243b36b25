/** `gateway demo` as a process: what it prints works. */
import { createServer } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import { command, gatewayCommand } from '../../test/harness/command.ts'

t.test('every example that the demo prints works', async (t) => {
  const demo = command(['demo', '--port', '0'])
  t.teardown(async () => {
    demo.kill('SIGKILL')
    await demo.ended
  })
  const [text] = await demo.saw(/^latency gateway[\s\S]*Ctrl-C ends the demo\./m)
  const base = /(http:\S+) +proxy/.exec(text)?.[1] ?? ''
  const admin = /(http:\S+)\/ +admin/.exec(text)?.[1] ?? ''
  for (const [, path] of text.matchAll(/curl .*?http:\/\/[\d.:]+(\/\S*)/g)) t.match(path, /^\/\w/)

  const shop = await fetch(`${base}/shop/cart`)
  t.match(await shop.json(), { backend: /^fast-[12]$/, target: '/cart' })
  t.match([200, 504].includes((await fetch(`${base}/impatient/report`)).status), true)
  t.match([200, 503].includes((await fetch(`${base}/flaky/price`)).status), true)
  t.match(await (await fetch(`${base}/app/`, { headers: { 'x-beta': '1' } })).json(), { backend: /^fast/ })
  t.match(await (await fetch(`${base}/app/`)).json(), { backend: 'steady', headers: { 'x-variant': 'stable' } })
  t.equal((await (await fetch(`${base}/files/big`)).arrayBuffer()).byteLength, 64 * 2 ** 20)
  const nowhere = await fetch(`${base}/nowhere`)
  t.equal(nowhere.status, 404)
  t.equal(nowhere.headers.get('content-type'), 'application/problem+json')
  t.match(await (await fetch(`${admin}/metrics`)).text(), /^gateway_request_duration_seconds_count\{.*shop.*\} 1$/m)
  t.match(await (await fetch(`${admin}/api/v1/upstreams`)).json(), { upstreams: Array })

  const abort = new AbortController()
  const events = await fetch(`${base}/events`, { signal: abort.signal })
  const first = await events.body?.getReader().read()
  t.match(Buffer.from(first?.value ?? []).toString(), /^id: 1\n/)
  abort.abort()

  const socket = new WebSocket(`${base.replace('http', 'ws')}/echo`)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  socket.on('error', reject)
  socket.on('open', () => socket.send('hello'))
  socket.on('message', (message) => resolve(String(message)))
  t.equal(await promise, 'hello')
  socket.terminate()

  demo.kill('SIGINT')
  t.equal((await demo.ended).code, 0)
})

t.test('a port that is taken is said in one line, with the way out', async (t) => {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  // Two ports before it are the proxy's and the admin listener's: the first backend finds it taken.
  const { code, stderr } = await gatewayCommand(['demo', '--port', String(port - 2)])
  t.equal(code, 1)
  t.match(stderr, `port ${port} of 127.0.0.1 is already in use by another process`)
  t.match(stderr, '`gateway demo --port 18080`')
  t.equal(stderr.trim().split('\n').length, 1)
})
