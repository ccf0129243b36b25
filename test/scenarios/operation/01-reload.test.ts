import { reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

scenario('a reload changes what the next request gets, on the same connection', async (s, t) => {
  const gw = await s.gateway({ routes: [{ respond: { body: 'old' } }] })
  const client = await gw.client()
  t.equal((await client.fetch()).text, 'old')
  // The port stays the one that the system chose, since the address stays the same.
  await gw.apply({ routes: [{ respond: { body: 'new' } }] })
  t.equal((await client.fetch()).text, 'new')
})

scenario('a request in flight ends under the rules it began with', async (s, t) => {
  let finish = () => {}
  const origin = await s.origin((_request, answer) => {
    answer.send('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf')
    finish = () => answer.send('rest')
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  const answer = await client.request().answer()
  await answer.body.next()
  await gw.apply({ routes: [{ respond: { body: 'new' } }] })
  finish()
  await answer.body.rest()
  t.strictSame([answer.text, answer.isComplete], ['halfrest', true])
  t.equal((await client.fetch()).text, 'new')
})

scenario('connections to backends and balancer positions outlive a reload', async (s, t) => {
  const [a, b] = [await s.origin(reply(200, {}, 'a')), await s.origin(reply(200, {}, 'b'))]
  const upstreams = { u: { endpoints: [a.url, b.url] } }
  const gw = await s.gateway({ upstreams, routes: [{ upstream: 'u' }] })
  let order = ''
  for (let i = 0; i < 6; i++) {
    order += (await gw.get('/')).text
    await gw.apply({ upstreams, routes: [{ name: `r${i}`, upstream: 'u' }] })
  }
  t.match(order, /^(ab){3}$|^(ba){3}$/)
  t.strictSame([a.connections, b.connections], [1, 1])
})

scenario('connections to a backend that is no longer configured are closed', async (s, t) => {
  const origin = await s.origin()
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  await gw.get('/')
  t.equal(origin.open, 1)
  const closed = new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (origin.open > 0) return
      clearInterval(timer)
      resolve()
    }, 5)
  })
  await gw.apply({ routes: [{ respond: { body: 'x' } }] })
  await closed
  t.pass('they are')
})

scenario('a reload that cannot bind its address changes nothing', async (s, t) => {
  const other = await s.origin()
  const gw = await s.gateway({ routes: [{ respond: { body: 'old' } }] })
  const listeners = [{ address: '127.0.0.1:0' }, { address: `127.0.0.1:${other.port}` }]
  await t.rejects(gw.apply({ listeners, routes: [{ respond: { body: 'new' } }] }))
  t.equal((await gw.get('/')).text, 'old')
})

scenario('listeners come and go with a reload', async (s, t) => {
  const gw = await s.gateway({ routes: [{ respond: { body: 'x' } }] })
  const routes = [{ respond: { body: 'x' } }]
  const path = `${await s.folder()}/g.sock`
  await gw.apply({ listeners: [{ address: '127.0.0.1:0' }, { address: `unix:${path}` }], routes })
  t.equal(gw.gateway.addresses.length, 2)
  await gw.apply({ listeners: [{ address: '127.0.0.1:0' }], routes })
  t.equal(gw.gateway.addresses.length, 1)
  t.equal((await gw.get('/')).text, 'x')
})
