import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RawClient } from '../../harness/client.ts'
import { reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

scenario('a unix socket takes requests as a port does, and its file is gone afterwards', async (s, t) => {
  const origin = await s.origin(reply(200, {}, 'ok'))
  const path = join(await s.folder(), 'gateway.sock')
  const gw = await s.gateway({ listeners: [{ address: `unix:${path}` }], routes: [{ upstream: origin.url }] })
  const client = await RawClient.connect(`unix:${path}`)
  t.equal((await client.fetch()).text, 'ok')
  await client.close()
  t.equal(existsSync(path), true)
  await gw.close()
  t.equal(existsSync(path), false)
})

scenario('who the client is comes from the connection, or from a trusted proxy', async (s, t) => {
  const origin = await s.origin()
  const spoofed = {
    'X-Forwarded-For': '6.6.6.6',
    'X-Forwarded-Proto': 'https',
    Forwarded: 'for=6.6.6.6',
    'X-Real-IP': '6.6.6.6',
  }
  const routes = [{ upstream: origin.url }]
  const open = await s.gateway({ routes })
  await open.get('/', { headers: spoofed })
  t.equal(origin.last.header('x-forwarded-for'), '127.0.0.1')
  t.equal(origin.last.header('x-forwarded-proto'), 'http')
  t.notMatch(origin.last.raw, '6.6.6.6')

  const behind = await s.gateway({ listeners: [{ address: '127.0.0.1:0', trusted_proxies: ['127.0.0.0/8'] }], routes })
  await behind.get('/', { headers: { 'X-Forwarded-For': '6.6.6.6', 'X-Forwarded-Proto': 'https' } })
  t.match(origin.last.header('x-forwarded-for'), /^6\.6\.6\.6, ?127\.0\.0\.1$/)
  t.equal(origin.last.header('x-forwarded-proto'), 'https')
})

scenario('a draining listener answers what is under way and closes its connections', async (s, t) => {
  let finish = () => {}
  const origin = await s.origin((_request, answer) => {
    finish = () => answer.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone')
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  client.request()
  await origin.saw(1)
  const { address } = gw
  const drained = gw.gateway.drain(10_000)
  t.equal(gw.gateway.isReady, false)
  await eventually('the listener stops', async () => {
    const client = await RawClient.connect(address).catch(() => undefined)
    await client?.close()
    return client === undefined
  })
  finish()
  const answer = await client.whole()
  t.equal(answer.text, 'done')
  t.equal(answer.header('connection'), 'close')
  await client.closed()
  await drained
  await t.rejects(RawClient.connect(address))
})

scenario('what is not done within the grace of a drain is broken off', async (s, t) => {
  const origin = await s.origin((_request, answer) => answer.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  const answer = await client.request().answer()
  await answer.body.next()
  await gw.gateway.drain(100)
  await answer.body.rest()
  t.equal(answer.isComplete, false)
})
