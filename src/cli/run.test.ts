/** `gateway run` as a process: what it needs to start, what signals do to it, what it survives. */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type CommandOptions, command, gatewayCommand } from '../../test/harness/command.ts'

interface Test {
  testdir(): string
  teardown(task: () => unknown): unknown
}

const listening = /"address":"([^"]+)","msg":"listening"/
const adminListening = /"address":"([^"]+)","msg":"admin listening"/

/** An origin that answers when it is told to. */
async function heldOrigin(test: Test) {
  const held: ServerResponse[] = []
  const arrived = Promise.withResolvers<void>()
  const server = createServer((_req, res) => {
    held.push(res)
    arrived.resolve()
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  test.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}`, arrived: arrived.promise, answer: () => held.shift()?.end('late') }
}

function written(test: Test, routes: string, more = ''): string {
  const file = join(test.testdir(), 'gateway.yaml')
  writeFileSync(file, configuration(routes, more))
  return file
}

function configuration(routes: string, more = ''): string {
  return `listeners: [{address: '127.0.0.1:0'}]\nadmin: {address: '127.0.0.1:0'}\n${more}\nroutes:\n${routes}\n`
}

const answering = (body: string) => `  - respond: {status: 200, body: ${body}}`

async function started(test: Test, file: string, options: CommandOptions = {}, args: readonly string[] = []) {
  const gateway = command(['run', '-c', file, ...args], options)
  test.teardown(async () => {
    gateway.kill('SIGKILL')
    await gateway.ended
  })
  const admin = (await gateway.saw(adminListening))[1]
  const address = (await gateway.saw(listening))[1]
  return { gateway, url: `http://${address}`, admin: `http://${admin}` }
}

const body = async (url: string) => (await fetch(url)).text()

t.test('without a file it says what to write, in words and not in a stack', async (t) => {
  const { code, stdout, stderr } = await gatewayCommand(['run'], { cwd: t.testdir() })
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /there is no gateway\.yaml here\. `gateway demo`/)
  t.match(stderr, '- upstream: http://localhost:3000')
  t.notMatch(stderr, /\n\s+at /)
})

t.test('a wrong file ends it before anything listens', async (t) => {
  const file = written(t, '  - upstraem: http://localhost:3000')
  const { code, stdout, stderr } = await gatewayCommand(['run', '-c', file])
  t.equal(code, 1)
  t.notMatch(stdout, 'listening')
  t.match(stderr, /gateway\.yaml:5:5/)
  t.match(stderr, 'upstraem')
})

t.test('an address that is taken is said in one line', async (t) => {
  const server = createTcpServer()
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const file = join(t.testdir(), 'gateway.yaml')
  for (const key of ['proxy', 'admin']) {
    const [proxy, admin] = key === 'proxy' ? [port, 0] : [0, port]
    writeFileSync(
      file,
      `listeners: [{address: '127.0.0.1:${proxy}'}]\nadmin: {address: '127.0.0.1:${admin}'}\nroutes:\n${answering('x')}\n`,
    )
    const { code, stderr } = await gatewayCommand(['run', '-c', file])
    t.equal(code, 1, key)
    t.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port} is already in use`), key)
    t.equal(stderr.trim().split('\n').length, 1, key)
  }
})

t.test('SIGTERM lets a request in flight finish, then exits with 0', async (t) => {
  const origin = await heldOrigin(t)
  const { gateway, url, admin } = await started(t, written(t, `  - upstream: ${origin.url}`))
  t.equal((await fetch(`${admin}/readyz`)).status, 200)
  const answer = body(url)
  await origin.arrived
  gateway.kill('SIGTERM')
  await gateway.saw(/"msg":"draining"/)
  t.equal((await fetch(`${admin}/readyz`)).status, 503, 'not ready while it drains')
  origin.answer()
  t.equal(await answer, 'late')
  const { code, stderr } = await gateway.ended
  t.equal(code, 0)
  t.equal(stderr, '')
})

t.test('a second signal ends it at once, with the signal’s code', async (t) => {
  const origin = await heldOrigin(t)
  const { gateway, url } = await started(t, written(t, `  - upstream: ${origin.url}`))
  const answer = body(url).catch(() => 'broken off')
  await origin.arrived
  gateway.kill('SIGTERM')
  await gateway.saw(/"msg":"draining"/)
  gateway.kill('SIGTERM')
  t.equal((await gateway.ended).code, 143)
  t.equal(await answer, 'broken off')
})

t.test('requests that outlast the grace are ended, and it still exits with 0', async (t) => {
  const origin = await heldOrigin(t)
  const { gateway, url } = await started(t, written(t, `  - upstream: ${origin.url}`), {}, ['--grace', '1ms'])
  const answer = fetch(url).then(
    (res) => res.status,
    () => 0,
  )
  await origin.arrived
  gateway.kill('SIGINT')
  t.equal((await gateway.ended).code, 0)
  t.ok([0, 503].includes(await answer))
})

t.test('SIGHUP applies a good file and refuses a wrong one', async (t) => {
  const file = written(t, answering('one'))
  const { gateway, url, admin } = await started(t, file)
  t.equal(await body(url), 'one')
  writeFileSync(file, configuration('  - respnd: {}'))
  gateway.kill('SIGHUP')
  await gateway.saw(/"msg":"the last good configuration stays in force"/)
  t.equal(await body(url), 'one')
  t.match(await body(`${admin}/metrics`), /^gateway_config_last_reload_successful 0$/m)
  writeFileSync(file, configuration(answering('two')))
  gateway.kill('SIGHUP')
  await gateway.saw(/"msg":"configuration applied"/)
  t.equal(await body(url), 'two')
  t.match(await body(`${admin}/metrics`), /^gateway_config_last_reload_successful 1$/m)
})

t.test('saving the file reloads it', async (t) => {
  const file = written(t, answering('one'))
  const { gateway, url } = await started(t, file)
  writeFileSync(file, configuration(answering('two')))
  await gateway.saw(/"msg":"configuration applied"/)
  t.equal(await body(url), 'two')
})

t.test('a reload through the admin listener can move that listener itself', async (t) => {
  const file = written(t, answering('one'))
  const { gateway, admin } = await started(t, file)
  // Not in the test's own folder: the paths of sockets must be short.
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socket = join(folder, 'admin.sock')
  writeFileSync(file, configuration(answering('one')).replace("'127.0.0.1:0'}\n\n", `'unix:${socket}'}\n\n`))
  const report = await fetch(`${admin}/api/v1/reload`, { method: 'POST' })
  t.same(await report.json(), { result: 'applied', problems: [] })
  await gateway.saw(/"address":"unix:[^"]+","msg":"admin listening"/)
  t.ok(existsSync(socket))
})

t.test('SIGUSR2 opens the access log again, so that it can be moved away', async (t) => {
  const folder = t.testdir()
  const log = join(folder, 'access.log')
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, configuration(answering('one'), `logs: {access: {file: ${JSON.stringify(log)}}}`))
  const { gateway, url } = await started(t, file)
  await body(`${url}/before`)
  renameSync(log, `${log}.1`)
  gateway.kill('SIGUSR2')
  await gateway.saw(/"msg":"log files reopened"/)
  await body(`${url}/after`)
  gateway.kill('SIGTERM')
  await gateway.ended
  t.match(readFileSync(`${log}.1`, 'utf8'), '/before')
  t.match(readFileSync(log, 'utf8'), '/after')
})

t.test('an error that nothing caught is logged, counted and survived', async (t) => {
  const faults = `process.on('SIGWINCH',()=>{throw new Error('boom')});process.on('SIGCONT',()=>{Promise.reject(new Error('lost'))})`
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(faults)}` }
  const { gateway, url, admin } = await started(t, written(t, answering('one')), { env })
  gateway.kill('SIGWINCH')
  await gateway.saw(/"kind":"exception","error":"Error: boom\\n\s+at /)
  gateway.kill('SIGCONT')
  await gateway.saw(/"kind":"rejection","error":"Error: lost\\n\s+at /)
  t.equal(await body(url), 'one')
  t.match(await body(`${admin}/metrics`), /^gateway_unhandled_errors_total\{kind="exception"\} 1$/m)
  gateway.kill('SIGTERM')
  t.equal((await gateway.ended).code, 0)
})

t.test('secrets do not show in the configuration that admin prints', async (t) => {
  const file = join(t.testdir(), 'gateway.yaml')
  writeFileSync(file, configuration(answering('x')).replace('admin: {', `admin: {token: '\${SECRET}', `))
  const { admin } = await started(t, file, { env: { SECRET: 'hush-hush-hush-hush' } })
  const answer = await fetch(`${admin}/api/v1/config`, { headers: { authorization: 'Bearer hush-hush-hush-hush' } })
  t.equal(answer.status, 200)
  t.notMatch(await answer.text(), 'hush-hush')
})
