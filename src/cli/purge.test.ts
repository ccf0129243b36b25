/** `gateway purge` against a gateway that runs as a process of its own. */

import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { command, gatewayCommand } from '../../test/harness/command.ts'

const TOKEN = 'a-token-of-the-operators'

t.test('a running gateway is purged by its configuration file, or by its admin address', async (t) => {
  const origin = createServer((_req, res) => res.setHeader('cache-control', 'max-age=600').end('x'))
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    origin.closeAllConnections()
    origin.close()
  })
  const { port } = origin.address() as { port: number }
  const file = join(t.testdir(), 'gateway.yaml')
  const written = (admin: string) =>
    `listeners: [{address: '127.0.0.1:0'}]\nadmin: {address: '${admin}', token: ${TOKEN}}\nroutes:\n  - {upstream: 'http://127.0.0.1:${port}', cache: true}\n`
  writeFileSync(file, written('127.0.0.1:0'))
  const gateway = command(['run', '-c', file])
  t.teardown(async () => {
    gateway.kill('SIGKILL')
    await gateway.ended
  })
  const admin = (await gateway.saw(/"address":"([^"]+)","msg":"admin listening"/))[1] as string
  const address = (await gateway.saw(/"address":"([^"]+)","msg":"listening"/))[1] as string
  await (await fetch(`http://${address}/a/1`)).text()
  await (await fetch(`http://${address}/a/2`)).text()

  const used = join(t.testdir(), 'used.yaml')
  writeFileSync(used, written(admin))
  const counted = await gatewayCommand(['purge', '/a/', '--prefix', '--dry-run', '-c', used])
  t.match(counted, { code: 0, stdout: /^2 stored answers would be removed/ })
  const env = { GATEWAY_ADMIN_TOKEN: TOKEN }
  const one = await gatewayCommand(['purge', `http://${address}/a/1`, '--admin', `http://${admin}`, '--json'], { env })
  t.match(JSON.parse(one.stdout), { matched: 1, others: 'none' })
  const all = await gatewayCommand(['purge', '--all', '--soft', '--admin', admin], { env })
  t.match(all, { code: 0, stdout: /^1 stored answer marked stale/ })

  t.match(await gatewayCommand(['purge', '/a', '--admin', admin]), { code: 1, stderr: /GATEWAY_ADMIN_TOKEN/ })
  t.match(await gatewayCommand(['purge', 'shop/a', '--admin', admin], { env }), { code: 1, stderr: /no URL/ })
})

t.test('what cannot be asked is said in a line', async (t) => {
  t.match(await gatewayCommand(['purge']), { code: 2, stderr: /nothing to purge/ })
  t.match(await gatewayCommand(['purge', '/a', '--admin', 'nowhere']), { code: 2, stderr: /no address/ })
  t.match(await gatewayCommand(['purge', '/a', '--admin', '127.0.0.1:1']), { code: 1, stderr: /no gateway answers/ })
})
