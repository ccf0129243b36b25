import t from 'tap'
import { Keep } from './keep.ts'

/** A keep whose states note their making and their end. */
function setUp() {
  const events: string[] = []
  const keep = new Keep()
  const use = (lease: ReturnType<Keep['lease']>, identity: string, kind = 'pool') =>
    lease.use(
      kind,
      identity,
      () => {
        events.push(`make ${kind} ${identity}`)
        return { identity }
      },
      (value) => events.push(`end ${kind} ${value.identity}`),
    )
  return { events, keep, use }
}

t.test('the same identity gives the same state across reloads, and its end comes with its last user', async (t) => {
  const { events, keep, use } = setUp()
  const old = keep.lease()
  const state = use(old, 'a')
  const next = keep.lease()
  t.equal(use(next, 'a'), state)
  old.release()
  t.strictSame(events, ['make pool a'])
  t.equal(keep.size, 1)
  next.release()
  t.strictSame(events, ['make pool a', 'end pool a'])
  t.equal(keep.size, 0)
})

t.test('what the next configuration does not use ends with the old one', async (t) => {
  const { events, keep, use } = setUp()
  const old = keep.lease()
  use(old, 'a')
  use(old, 'b')
  const next = keep.lease()
  use(next, 'b')
  use(next, 'c')
  old.release()
  t.strictSame(events, ['make pool a', 'make pool b', 'make pool c', 'end pool a'])
})

t.test('one lease counts once however often it asks, and releasing twice is harmless', async (t) => {
  const { events, keep, use } = setUp()
  const lease = keep.lease()
  const other = keep.lease()
  use(lease, 'a')
  use(lease, 'a')
  use(other, 'a')
  lease.release()
  lease.release()
  t.strictSame(events, ['make pool a'])
  other.release()
  t.strictSame(events, ['make pool a', 'end pool a'])
})

t.test('two kinds never share an identity', async (t) => {
  const { keep, use } = setUp()
  const lease = keep.lease()
  t.not(use(lease, 'a', 'pool'), use(lease, 'a', 'balancer'))
  t.equal(keep.size, 2)
})

t.test('state that was ended is made anew', async (t) => {
  const { events, keep, use } = setUp()
  const lease = keep.lease()
  use(lease, 'a')
  lease.release()
  use(lease, 'a')
  t.strictSame(events, ['make pool a', 'end pool a', 'make pool a'])
})

t.test('a state that cannot be made is not kept', async (t) => {
  const { events, keep, use } = setUp()
  const lease = keep.lease()
  t.throws(() =>
    lease.use('pool', 'a', () => {
      throw new Error('no such file')
    }),
  )
  t.equal(keep.size, 0)
  use(lease, 'a')
  t.strictSame(events, ['make pool a'])
})

t.test('a state whose end fails does not keep the others alive', async (t) => {
  const { events, keep, use } = setUp()
  const lease = keep.lease()
  lease.use(
    'pool',
    'bad',
    () => 1,
    () => {
      throw new Error('cannot close')
    },
  )
  use(lease, 'a')
  t.throws(() => lease.release(), /cannot close/)
  t.strictSame(events, ['make pool a', 'end pool a'])
  t.equal(keep.size, 0)
  lease.release()
})
