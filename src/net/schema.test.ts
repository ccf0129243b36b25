import t from 'tap'
import { z } from '../config/schema.ts'
import { isNetwork, Networks } from '../core/networks.ts'
import { formatAddress, parseAddress, plainAddress } from './address.ts'
import { listenerSchema } from './schema.ts'

function messages(value: object): string[] {
  const result = listenerSchema.safeParse(value)
  return result.success ? [] : result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`)
}

t.test('a listener without any key is one on port 8080 with careful limits', async (t) => {
  t.same(listenerSchema.parse({}), {
    address: '0.0.0.0:8080',
    trusted_proxies: [],
    encoded_slashes: 'keep',
    limits: {
      max_connections: 10_000,
      header_size: 32_768,
      header_count: 100,
      header_timeout: 10_000,
      idle_timeout: 75_000,
      body_size: 100_000_000,
      body_min_rate: 1024,
    },
  })
})

t.test('keys that are reserved say that they are not supported yet', async (t) => {
  for (const key of ['tls', 'http2', 'proxy_protocol']) {
    t.same(messages({ [key]: true }), [`${key} is not supported in this version`])
  }
})

t.test('unknown keys and wrong values are errors', async (t) => {
  t.match(messages({ adress: ':80' }).join(), /adress/)
  t.match(messages({ limits: { header_size: 1000 } }).join(), /unit/)
  t.match(messages({ limits: { header_size: '10B' } }).join(), /between/)
  t.match(messages({ limits: { max_connections: 0 } }).join(), /max_connections/)
  t.match(messages({ limits: { idle_timeout: '1ms' } }).join(), /at least/)
  t.match(messages({ trusted_proxies: ['10.0.0.0/33'] }).join(), /trusted_proxies\.0 is not a network/)
  t.match(messages({ encoded_slashes: 'decode' }).join(), /encoded_slashes/)
})

t.test('the schema can be published', async (t) => {
  const published = z.toJSONSchema(listenerSchema, { io: 'input' })
  t.match(JSON.stringify(published), /trusted_proxies/)
})

t.test('an address is read or explained', async (t) => {
  t.same(parseAddress('127.0.0.1:80'), { kind: 'tcp', host: '127.0.0.1', port: 80 })
  t.same(parseAddress('localhost:0'), { kind: 'tcp', host: 'localhost', port: 0 })
  t.same(parseAddress(':65535'), { kind: 'tcp', host: undefined, port: 65535 })
  t.same(parseAddress('[::]:8080'), { kind: 'tcp', host: '::', port: 8080 })
  t.same(parseAddress('unix:/run/a.sock'), { kind: 'unix', path: '/run/a.sock' })
  const bad: [string, RegExp][] = [
    ['8080', /no port/],
    ['a:', /port/],
    ['a:65536', /port/],
    ['a:-1', /port/],
    ['a:http', /port/],
    ['::1:80', /brackets/],
    ['[a]:80', /not IPv6/],
    ['1.2.3:80', /IPv4/],
    ['1.2.3.256:80', /IPv4/],
    ['http://a:80', /IPv6|host/],
    ['a b:80', /host/],
    ['unix:run.sock', /absolute/],
    [`unix:/${'a'.repeat(200)}`, /bytes/],
  ]
  for (const [text, message] of bad) t.match(parseAddress(text), message, text)
  t.equal(formatAddress('::', 80), '[::]:80')
})

t.test('networks match addresses of either family', async (t) => {
  const networks = new Networks(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', 'unix'])
  for (const address of ['10.1.2.3', '192.0.2.7', 'fd12::1', 'unix']) t.ok(networks.has(address), address)
  for (const address of ['11.0.0.1', '192.0.2.8', 'fe80::1', 'garbage', '']) t.notOk(networks.has(address), address)
  t.notOk(new Networks([]).has('unix'))
  for (const text of ['10.0.0.0/8', '::/0', 'unix', '192.0.2.1']) t.ok(isNetwork(text), text)
  for (const text of ['', '10.0.0.0/', '10.0.0.0/33', '10/8', 'fd00::/129', 'a', '10.0.0.0/8/8', 'fe80::1%1']) {
    t.notOk(isNetwork(text), text)
  }
})

t.test('addresses of sockets are shown in their own form', async (t) => {
  t.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(plainAddress('fe80::1%eth0'), 'fe80::1')
  t.equal(plainAddress('::1'), '::1')
  t.equal(plainAddress(undefined), 'unix')
})
