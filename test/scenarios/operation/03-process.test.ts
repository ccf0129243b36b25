import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fetchRaw, RawClient } from '../../harness/client.ts'
import { type Command, command } from '../../harness/command.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

interface Running {
  readonly process: Command
  readonly address: string
  write(routes: string): void
}

const file = (routes: string) => `listeners: [{address: "127.0.0.1:0"}]\nadmin: false\nroutes:\n${routes}\n`

/** The command on a file of its own, stopped when the scenario ends. */
async function start(s: Scenario, routes: string): Promise<Running> {
  const path = join(await s.folder(), 'gateway.yaml')
  const write = (text: string) => writeFileSync(path, file(text))
  write(routes)
  const process = command(['run', '-c', path])
  s.atEnd(async () => {
    process.kill('SIGKILL')
    await process.ended
  })
  const [, address = ''] = await process.saw(/(127\.0\.0\.1:\d+)/)
  return { process, address, write }
}

const answer = (body: string) => `  - {respond: {body: ${body}}}`

scenario('saving the file reloads it; a file with an error changes nothing', async (s, t) => {
  const { address, write } = await start(s, answer('one'))
  const client = await RawClient.connect(address)
  s.atEnd(() => client.close())
  t.equal((await client.fetch()).text, 'one')
  write('  - {respnd: {body: two}}')
  write(answer('three'))
  await eventually('the new answer', async () => (await client.fetch()).text === 'three')
})

scenario('SIGHUP reads the file again, and a wrong one is reported while the old one stays in force', async (s, t) => {
  const { process, address, write } = await start(s, answer('one'))
  write('  - {respnd: {body: two}}')
  process.kill('SIGHUP')
  await process.saw(/last good configuration/)
  t.equal((await fetchRaw(address)).text, 'one')
})

scenario('SIGTERM lets what is under way finish, takes nothing new, and exits with 0', async (s, t) => {
  let finish = () => {}
  const origin = await s.origin((_request, it) => {
    finish = () => it.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone')
  })
  const { process, address } = await start(s, `  - {upstream: "${origin.url}"}`)
  const client = await RawClient.connect(address)
  s.atEnd(() => client.close())
  client.request()
  await origin.saw(1)
  process.kill('SIGTERM')
  await eventually('the port to close', async () => {
    const other = await RawClient.connect(address).catch(() => undefined)
    await other?.close()
    return other === undefined
  })
  finish()
  t.equal((await client.whole()).text, 'done')
  t.match(await process.ended, { code: 0 })
})

scenario('a second signal ends the process at once', async (s, t) => {
  const origin = await s.origin(() => {})
  const { process, address } = await start(s, `  - {upstream: "${origin.url}"}`)
  const client = await RawClient.connect(address)
  s.atEnd(() => client.close())
  client.request()
  await origin.saw(1)
  process.kill('SIGTERM')
  await process.saw(/drain/i)
  process.kill('SIGTERM')
  const { code, signal } = await process.ended
  t.ok(code !== 0 || signal !== null)
})
