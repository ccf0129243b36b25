import fc from 'fast-check'
import t from 'tap'
import {
  type EjectionReason,
  eject,
  latenciesOf,
  mayEject,
  type OutlierOptions,
  Record,
  revive,
  suspicion,
} from './outlier.ts'

const options: OutlierOptions = {
  consecutive_errors: 5,
  error_rate: 0,
  minimum_requests: 20,
  window: 10_000,
  slow_factor: 0,
  base: 10_000,
  max: 60_000,
  max_ejected: 0.5,
}

function records(count: number): Record[] {
  return Array.from({ length: count }, () => new Record())
}

/** Where all the others could take over. */
function ejectionReason(
  record: Record,
  peers: readonly Record[],
  own: OutlierOptions,
  nowMs: number,
): EjectionReason | undefined {
  const reason = suspicion(record, peers, latenciesOf(peers), own, nowMs)
  return mayEject(record, peers, peers, own, nowMs) ? reason : undefined
}

/** Begins and ends so many requests, one after the other. */
function serve(record: Record, count: number, isGood: boolean, nowMs = 1000, latencyMs = 10): void {
  for (let i = 0; i < count; i++) {
    record.began(nowMs)
    record.ended(nowMs, latencyMs, isGood, options.window)
  }
}

t.test('five failures in a row are too many, four or a success in between are not', async (t) => {
  const [a, b] = records(2) as [Record, Record]
  serve(a, 4, false)
  t.equal(ejectionReason(a, [a, b], options, 1000), undefined)
  serve(a, 1, true)
  serve(a, 4, false)
  t.equal(ejectionReason(a, [a, b], options, 1000), undefined)
  serve(a, 1, false)
  t.equal(ejectionReason(a, [a, b], options, 1000), 'consecutive_errors')
  t.equal(ejectionReason(a, [a, b], { ...options, consecutive_errors: 0 }, 1000), undefined)
})

t.test('failures are no reason where the others fail as well, or there are none', async (t) => {
  const [a, b] = records(2) as [Record, Record]
  serve(a, 9, false)
  t.equal(ejectionReason(a, [a], options, 1000), undefined)
  serve(b, 2, false)
  t.equal(ejectionReason(a, [a, b], options, 1000), undefined)
  serve(b, 1, true)
  t.equal(ejectionReason(a, [a, b], options, 1000), 'consecutive_errors')
})

t.test('a share of failures is one, of enough requests, within the window', async (t) => {
  const rated = { ...options, error_rate: 0.3 }
  const [a, b] = records(2) as [Record, Record]
  for (let i = 0; i < 6; i++) {
    serve(a, 1, false)
    serve(a, 2, true)
  }
  t.equal(ejectionReason(a, [a, b], rated, 1000), undefined, '18 requests are too few')
  serve(a, 2, true)
  t.equal(ejectionReason(a, [a, b], rated, 1000), 'error_rate')
  serve(a, 40, true, 30_000)
  t.equal(ejectionReason(a, [a, b], rated, 30_000), undefined, 'what is long past does not count')
})

t.test('whoever is much slower than the median of its peers stands out', async (t) => {
  const slow = { ...options, slow_factor: 4 }
  const all = records(4)
  for (const [i, record] of all.entries()) serve(record, 30, true, 1000, [10, 12, 14, 200][i])
  t.same(
    all.map((record) => ejectionReason(record, all, slow, 1000)),
    [undefined, undefined, undefined, 'slow'],
  )
  t.same(
    all.map((record) => ejectionReason(record, all, options, 1000)),
    [undefined, undefined, undefined, undefined],
  )
})

t.test('five requests without an answer, for long, while others answer: hung', async (t) => {
  const [a, b] = records(2) as [Record, Record]
  serve(a, 30, true, 1000)
  for (let i = 0; i < 5; i++) a.began(2000)
  serve(b, 30, true, 2100)
  t.equal(ejectionReason(a, [a, b], options, 2249), undefined)
  t.equal(ejectionReason(a, [a, b], options, 2250), 'hung')
  t.equal(ejectionReason(a, [a, b], { ...options, hung_after: 1000 }, 2900), undefined)
  t.equal(ejectionReason(a, [a, b], { ...options, hung_after: 1000 }, 3000), 'hung')
  t.equal(ejectionReason(a, [a, b], { ...options, hung_after: 0 }, 60_000), undefined)
})

t.test(
  'one long request and a burst, requests whose clients leave, and ones that are held on purpose: not hung',
  async (t) => {
    const [a, b] = records(2) as [Record, Record]
    serve(a, 30, true, 1000)
    a.began(2000)
    serve(b, 30, true, 9000)
    for (let i = 0; i < 4; i++) a.began(9000)
    t.equal(ejectionReason(a, [a, b], options, 9200), undefined, 'the burst has had no time yet')
    serve(b, 1, true, 9010)
    t.equal(ejectionReason(a, [a, b], options, 9250), 'hung')

    const left = new Record()
    for (let i = 0; i < 9; i++) {
      left.began(1000 + i * 100)
      left.abandoned(20)
    }
    serve(b, 1, true, 20_000)
    t.equal(ejectionReason(left, [left, b], options, 20_000), undefined)
    for (let i = 0; i < 5; i++) {
      left.began(21_000)
      left.abandoned(400)
    }
    serve(b, 1, true, 22_000)
    t.equal(ejectionReason(left, [left, b], options, 22_000), 'hung', 'those who waited long do count')

    const [polled, other] = records(2) as [Record, Record]
    serve(other, 1, true, 1000, 8000)
    serve(other, 200, true, 2000)
    for (let i = 0; i < 5; i++) polled.began(3000)
    serve(other, 1, true, 4000)
    t.equal(ejectionReason(polled, [polled, other], options, 10_000), undefined)
  },
)

t.test('nobody is left alone for the sake of ones that can’t take over', async (t) => {
  const all = records(3) as [Record, Record, Record]
  const [a, b, c] = all
  serve(a, 5, false)
  t.notOk(mayEject(a, all, [], options, 1000))
  t.notOk(mayEject(a, all, [a], options, 1000))
  t.ok(mayEject(a, all, [a, c], options, 1000))
  serve(c, 2, false)
  t.notOk(mayEject(a, all, [a, c], options, 1000), 'which fails as well')
  t.ok(mayEject(a, all, [b, c], options, 1000))
})

t.test('the median is that of the others', async () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 9 }), (latencies) => {
      const all = records(latencies.length)
      for (const [i, record] of all.entries()) serve(record, 20, true, 1000, latencies[i])
      return all.every((record, i) => {
        const others = latencies.filter((_, j) => j !== i).sort((x, y) => x - y)
        const isSlow = (latencies[i] as number) > (others[others.length >> 1] as number) * 4
        return (suspicion(record, all, latenciesOf(all), { ...options, slow_factor: 4 }, 1000) === 'slow') === isSlow
      })
    }),
  )
})

t.test('slow requests are not hung where the others take as long, or nobody answers', async (t) => {
  const [a, b] = records(2) as [Record, Record]
  for (let i = 0; i < 8; i++) a.began(2000)
  t.equal(ejectionReason(a, [a, b], options, 10_000), undefined, 'nobody answers')
  serve(b, 30, true, 2100, 2000)
  t.equal(ejectionReason(a, [a, b], options, 10_000), undefined)
  t.equal(ejectionReason(a, [a, b], options, 42_001), 'hung')
})

t.test('each ejection is longer, up to a limit, and good conduct shortens the next', async (t) => {
  const record = new Record()
  const lengths: number[] = []
  let now = 1000
  for (let i = 0; i < 8; i++) {
    eject(record, 'slow', options, now)
    lengths.push(record.ejectedUntil - now)
    now = record.ejectedUntil + 1
  }
  t.same(lengths, [10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 60_000, 60_000])
  now += 70_000
  eject(record, 'slow', options, now)
  t.equal(record.ejectedUntil - now, 20_000)
})

t.test('one that was held to be hung is back as soon as it answers, as if nothing had been', async (t) => {
  const record = new Record()
  t.notOk(revive(record, 1000))
  eject(record, 'hung', options, 1000)
  t.notOk(revive(record, 11_000), 'that is over already')
  t.ok(revive(record, 1200))
  t.equal(record.ejectedUntil, 1200)
  t.notOk(revive(record, 1300))
  eject(record, 'slow', options, 2000)
  t.equal(record.ejectedUntil, 12_000, 'the next is the first again')
  t.notOk(revive(record, 2100), 'who is slow or fails has answered before')
})

t.test('at most the share is ejected, at least one, and never the last', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.double({ min: 0, max: 1, noNaN: true }), (count, share) => {
      const all = records(count)
      const own = { ...options, max_ejected: share }
      let ejected = 0
      for (const [i, record] of all.entries()) {
        // All the others do well as far as anybody has seen.
        serve(record, 5, false)
        if (ejectionReason(record, all, own, 1000) !== undefined) {
          eject(record, 'consecutive_errors', own, 1000)
          ejected++
        }
        if (i < count - 1) serve(record, 1, true)
      }
      return ejected <= Math.max(1, Math.floor(count * share)) && ejected < count
    }),
  )
})
