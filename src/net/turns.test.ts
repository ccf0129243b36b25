import fc from 'fast-check'
import t from 'tap'
import { type BareListener, bareListener, describe, type RawClient } from '../../test/hardening/bare-listener.ts'
import { systemClock } from '../core/clock.ts'
import { Turns } from './turns.ts'

const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

/** An event loop whose turns the test takes itself. */
class Loop {
  turn = 1
  readonly begun: { item: number; turn: number }[] = []
  readonly turns = new Turns<number>((item) => this.begun.push({ item, turn: this.turn }), {
    turn: () => this.turn,
    later: (task) => this.#later.push(task),
  })
  #later: (() => void)[] = []

  /** Ends the turn: what waits for the next one is called there. */
  next(): void {
    this.turn++
    for (const task of this.#later.splice(0)) task()
  }

  mostInOneTurn(): number {
    const counts = new Map<number, number>()
    for (const { turn } of this.begun) counts.set(turn, (counts.get(turn) ?? 0) + 1)
    return Math.max(0, ...counts.values())
  }
}

t.test('one request a turn begins at once, for as long as it goes on', async (t) => {
  const loop = new Loop()
  for (let item = 0; item < 100; item++) {
    loop.turns.add(item)
    t.equal(loop.begun.length, item + 1)
    loop.next()
  }
})

t.test('of a thousand in one turn a few begin at once, and in each turn after it', async (t) => {
  const loop = new Loop()
  for (let item = 0; item < 1000; item++) loop.turns.add(item)
  t.ok(loop.begun.length >= 32 && loop.begun.length <= 64, `${loop.begun.length} at once`)
  const before = loop.begun.length
  loop.next()
  t.equal(loop.begun.length, before + 32)
  for (let turn = 0; turn < 31; turn++) loop.next()
  t.strictSame(
    loop.begun.map(({ item }) => item),
    Array.from({ length: 1000 }, (_, item) => item),
  )
})

t.test('what comes while others wait begins after them', async (t) => {
  const loop = new Loop()
  for (let item = 0; item < 80; item++) loop.turns.add(item)
  loop.turn++
  loop.turns.add(80)
  t.notOk(loop.begun.some(({ item }) => item === 80))
  for (let turn = 0; turn < 3; turn++) loop.next()
  t.equal(loop.begun.at(-1)?.item, 80)
})

t.test('whatever comes when, all begin once, in their order, soon, and never many in one turn', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(200), { maxLength: 50 }), (arrivals) => {
      const loop = new Loop()
      let item = 0
      for (const count of arrivals) {
        for (let i = 0; i < count; i++) loop.turns.add(item++)
        loop.next()
      }
      for (let left = item - loop.begun.length; left > 0; left -= 32) loop.next()
      const isInOrder = loop.begun.every((each, index) => each.item === index)
      return isInOrder && loop.begun.length === item && loop.mostInOneTurn() <= 64
    }),
  )
  t.pass()
})

/** What a listener sees when as many connections, each of which has been used before, ask within one turn of the event loop. */
async function askedAtOnce(
  t: { teardown(end: () => unknown): void },
  count: number,
  begun: (clients: readonly RawClient[], bare: BareListener) => void,
): Promise<{ clients: readonly RawClient[]; bare: BareListener }> {
  let isRush = false
  const bare = await bareListener({}, (head, peer, down) => {
    if (isRush) begun(clients, bare)
    describe(head, peer, down)
  })
  t.teardown(() => bare.close())
  const clients = Array.from({ length: count }, () => bare.client())
  await Promise.all(clients.map((client) => client.send(request).until('GET a / 0')))
  for (const client of clients) client.received = ''
  bare.seen.length = 0
  isRush = true
  for (const client of clients) client.send(request)
  return { clients, bare }
}

const allAnswered = (clients: readonly RawClient[]): Promise<unknown> =>
  Promise.all(clients.map((client) => client.until('GET a / 0')))

t.test('of many requests in one turn, all are answered, and a few begin in each of the next turns', async (t) => {
  const turns: number[] = []
  const { clients } = await askedAtOnce(t, 200, () => turns.push(performance.nodeTiming.uvMetricsInfo.loopCount))
  await allAnswered(clients)
  t.equal(turns.length, 200)
  t.ok(new Set(turns).size >= 200 / 64, `begun in ${new Set(turns).size} turns`)
})

t.test('a client that leaves before its request has begun costs the backend nothing', async (t) => {
  const { clients, bare } = await askedAtOnce(t, 200, (clients, { seen }) => {
    if (seen.length === 1) clients.at(-1)?.socket.resetAndDestroy()
  })
  await allAnswered(clients.slice(0, -1))
  t.equal(bare.seen.length, 199)
})

t.test('time counts from when a request had arrived, not from when it began', async (t) => {
  const begun: number[] = []
  const { clients, bare } = await askedAtOnce(t, 200, () => begun.push(systemClock.now()))
  await allAnswered(clients)
  const last = bare.seen.at(-1)?.down.startedAt ?? Number.NaN
  t.ok(last <= (begun[64] ?? Number.NaN), 'the last had arrived before the second turn began any')
})
