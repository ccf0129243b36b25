/** `gateway_config_last_reload_successful` tells of what is in force, and an emptied file never comes into force. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { command } from '../harness/command.ts'

const good = `listeners: [{address: '127.0.0.1:0'}]
admin: {address: '127.0.0.1:0'}
routes: [{respond: {body: one}}]
`

async function started(t: Test) {
  const file = join(t.testdir(), 'gateway.yaml')
  writeFileSync(file, good)
  const gateway = command(['run', '-c', file])
  t.teardown(async () => {
    gateway.kill('SIGKILL')
    await gateway.ended
  })
  const admin = `http://${(await gateway.saw(/"address":"([^"]+)","msg":"admin listening"/))[1]}`
  const url = `http://${(await gateway.saw(/"address":"([^"]+)","msg":"listening"/))[1]}`
  const isSuccessful = async () =>
    /^gateway_config_last_reload_successful (\d)$/m.exec(await (await fetch(`${admin}/metrics`)).text())?.[1]
  return { file, gateway, admin, url, isSuccessful }
}

t.test('a broken file that somebody had read, replaced at once by the one in force, leaves no alarm', async (t) => {
  const { file, gateway, admin, isSuccessful } = await started(t)
  writeFileSync(file, 'routes: [')
  t.equal((await fetch(`${admin}/api/v1/reload`, { method: 'POST' })).status, 422)
  t.equal(await isSuccessful(), '0')
  writeFileSync(file, good)
  await gateway.saw(/"msg":"configuration applied"/)
  t.equal(await isSuccessful(), '1')
})

t.test('an emptied file is refused, and the last good configuration goes on', async (t) => {
  const { file, gateway, url, isSuccessful } = await started(t)
  writeFileSync(file, '')
  gateway.kill('SIGHUP')
  await gateway.saw(/gateway\.yaml:1:1 {2}routes {2}is missing/)
  await gateway.saw(/"msg":"the last good configuration stays in force"/)
  t.equal(await (await fetch(url)).text(), 'one')
  t.equal(await isSuccessful(), '0')
})
