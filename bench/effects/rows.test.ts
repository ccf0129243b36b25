import t from 'tap'
import { gateway } from './configurations.ts'
import { around, atLeast, atMost, count, exactly, milliseconds, ratio, timesPeer, within } from './rows.ts'

t.test('a row shows its figure and says whether the target is met', async (t) => {
  const p99 = atMost('p99', 'p99', 30, milliseconds)
  t.equal(p99.target, '<= 30 ms')
  t.equal(p99.show({ p99: 12.34 }), '12 ms')
  t.equal(p99.isMet({ p99: 30 }), true)
  t.equal(p99.isMet({ p99: 30.1 }), false)
  t.equal(atLeast('goodput', 'goodput', 0.95, ratio).isMet({ goodput: 0.95 }), true)
  t.equal(exactly('failed', 'failed', 0, count).isMet({ failed: 1 }), false)
  t.equal(around('admitted', 'admitted', 100, 2, count).isMet({ admitted: 97.9 }), false)
  t.equal(around('admitted', 'admitted', 100, 2, count).isMet({ admitted: 101.5 }), true)
})

t.test('a row can have another figure of the same run as its target', async (t) => {
  const p99 = within('p99', 'with', 'without', 1.2, 5)
  t.equal(p99.target, '<= 1.2 × + 5 ms')
  t.equal(p99.show({ with: 16.6, without: 10 }), '17 ms (10 ms)')
  t.equal(p99.isMet({ with: 17, without: 10 }), true)
  t.equal(p99.isMet({ with: 17.1, without: 10 }), false)
})

t.test('a row can have the figure of a peer as its target', async (t) => {
  const p99 = timesPeer('p99', 'p99', 'nginx', 1.3, milliseconds)
  t.equal(p99.target, '<= 1.3 × nginx')
  t.equal(p99.isMet({ p99: 130 }, { p99: 100 }), true)
  t.equal(p99.isMet({ p99: 131 }, { p99: 100 }), false)
})

t.test('a figure that was not measured meets no target', async (t) => {
  for (const row of [
    atMost('x', 'x', 1, count),
    atLeast('x', 'x', 1, count),
    exactly('x', 'x', 0, count),
    around('x', 'x', 0, 1, count),
    within('x', 'x', 'x', 1, 1),
    timesPeer('x', 'x', 'nginx', 1, count),
  ]) {
    t.equal(row.isMet({}), false)
    t.equal(row.isMet({ x: Number.NaN }), false)
  }
})

t.test('the lines of a scenario stand where they belong in the gateway’s file', async (t) => {
  const site = { folder: '', port: 1, index: 0, admin: 2, services: {}, endpoints: [{ host: '127.0.0.1', port: 3 }] }
  const text = gateway(site, {
    upstream: 'balance: random',
    route: '\n      retry: false\n      timeouts: {total: 1s}',
  })
  t.match(text, /\nupstreams:\n {2}app:\n {4}endpoints: \[http:\/\/127\.0\.0\.1:3\]\n {4}balance: random\nroutes:\n/)
  t.match(text, /\nroutes:\n {2}- name: all\n {4}upstream: app\n {4}retry: false\n {4}timeouts: \{total: 1s\}\n$/)
})
