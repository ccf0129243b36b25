import { reply, silence } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

scenario('more requests at once than the gateway may have are refused, the least important first', async (s, t) => {
  const slow = await s.origin(silence)
  const quick = await s.origin(reply(200, {}, 'ok'))
  const gw = await s.gateway({
    overload: { max_in_flight: 10 },
    routes: [
      { match: '/slow', upstream: slow.url, priority: 'critical' },
      { match: '/low', name: 'low', upstream: quick.url, priority: 'low' },
      { match: '/critical', upstream: quick.url, priority: 'critical' },
      { upstream: quick.url },
    ],
  })
  const clients = await Promise.all(Array.from({ length: 9 }, () => gw.client()))
  for (const client of clients.slice(0, 8)) client.request({ target: '/slow' })
  await slow.saw(8)
  const refused = await gw.get('/low')
  t.match([refused.status, refused.problem.code], [503, 'shed'])
  t.match(refused.header('retry-after'), /^[1-3]$/)
  t.equal(await gw.metric('gateway_shed_total', { route: 'low', rule: 'max_in_flight', priority: 'low' }), 1)
  t.equal((await gw.get('/')).status, 200)
  clients[8]?.request({ target: '/slow' })
  await slow.saw(9)
  t.equal((await gw.get('/')).status, 503)
  t.equal((await gw.get('/critical')).status, 200)
  await Promise.all(clients.map((client) => client.close()))
  while ((await gw.get('/low')).status !== 200) await new Promise(setImmediate)
  t.pass('and taken again once there is room')
})

scenario('with dry_run nobody is refused, and it is counted', async (s, t) => {
  const slow = await s.origin(silence)
  const quick = await s.origin()
  const gw = await s.gateway({
    overload: { max_in_flight: 1, dry_run: true },
    routes: [
      { match: '/slow', upstream: slow.url },
      { name: 'quick', upstream: quick.url },
    ],
  })
  const client = await gw.client()
  client.request({ target: '/slow' })
  await slow.saw(1)
  t.equal((await gw.get('/')).status, 200)
  t.equal(await gw.metric('gateway_would_shed_total', { route: 'quick' }), 1)
  await client.close()
})

scenario('while the event loop is late, low priority is refused, and taken again soon after', async (s, t) => {
  const origin = await s.origin()
  const gw = await s.gateway(
    {
      overload: { event_loop_delay: '200ms' },
      routes: [
        { match: '/low', upstream: origin.url, priority: 'low' },
        { upstream: origin.url, priority: 'high' },
      ],
    },
    { clock: s.clock },
  )
  for (let i = 0; i < 20; i++) s.clock.stall(600)
  t.equal((await gw.get('/low')).status, 503)
  t.equal((await gw.get('/')).status, 200)
  t.equal(await gw.metric('gateway_pressure_level'), 5)
  s.clock.advance(10_000)
  t.equal((await gw.get('/low')).status, 200)
})
