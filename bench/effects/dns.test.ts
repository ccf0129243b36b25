import { Resolver } from 'node:dns/promises'
import t from 'tap'
import { answerTo, DnsServer } from './dns.ts'

t.test('a resolver gets the addresses that are set, as they change', async (t) => {
  const server = new DnsServer()
  const port = await server.listen()
  t.teardown(() => server.close())
  const resolver = new Resolver()
  resolver.setServers([`127.0.0.1:${port}`])
  server.addresses = ['127.0.0.2', '127.0.0.3']
  t.same((await resolver.resolve4('app.test')).sort(), ['127.0.0.2', '127.0.0.3'])
  t.same(await resolver.resolve4('app.test', { ttl: true }).then((all) => all.map(({ ttl }) => ttl)), [1, 1])
  server.addresses = ['127.0.0.4']
  t.same(await resolver.resolve4('app.test'), ['127.0.0.4'])
  await t.rejects(resolver.resolve6('app.test'), { code: 'ENODATA' }, 'there are no IPv6 addresses')
})

t.test('what is no query is not answered', async (t) => {
  t.equal(answerTo(Buffer.alloc(0), ['127.0.0.2']), undefined)
  t.equal(answerTo(Buffer.alloc(12), ['127.0.0.2']), undefined)
  const cut = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 97, 112])
  t.equal(answerTo(cut, ['127.0.0.2']), undefined)
})
