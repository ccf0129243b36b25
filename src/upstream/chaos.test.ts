/** Many requests at once to backends that do anything, from readers that do anything: nothing leaks, nothing is broken. */
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import {
  BareUpstream,
  NotingReader,
  RawBackend,
  type RawConnection,
  TestBody,
  until,
} from '../../test/hardening/bare-upstream.ts'
import type { CheckedOrigin } from '../core/checked-origin.ts'
import { GatewayError } from '../core/errors.ts'

/** Numerical Recipes' linear congruential generator: a seed is enough to play a failure again. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const line = 'HTTP/1.1 200 OK\r\n'
const right = [
  `${line}Content-Length: 5\r\n\r\nhello`,
  `${line}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`,
  `HTTP/1.1 103 Early\r\n\r\n${line}Content-Length: 5\r\n\r\nhello`,
  `${line}Connection: close\r\nContent-Length: 5\r\n\r\nhello`,
]
const wrong = [
  '',
  'garbage\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  `${line}Content-Length: 9\r\n\r\nhello`,
  `${line}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
  `${line}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\nx\r\n`,
  `${line}Content-Length: 5\r\n\r\nhello${line}Content-Length: 4\r\n\r\nevil`,
]

async function misbehave(connection: RawConnection, pick: (below: number) => number): Promise<void> {
  for (;;) {
    await connection.take()
    for (let waits = pick(4); waits > 0; waits--) await turn()
    const mood = pick(10)
    if (mood === 0) {
      connection.socket.resetAndDestroy()
      return
    }
    const bytes = mood < 6 ? (right[pick(right.length)] as string) : (wrong[pick(wrong.length)] as string)
    const cut = pick(bytes.length + 1)
    connection.write(bytes.slice(0, cut))
    await turn()
    connection.write(bytes.slice(cut))
    if (mood < 6 && !bytes.includes('close')) continue
    const end = pick(3)
    if (end === 0) connection.socket.resetAndDestroy()
    else if (end === 1) connection.socket.end()
    else setTimeout(() => connection.socket.end(), 20)
    return
  }
}

/** One request by somebody who may pause, leave, or break off the upload. */
async function misuse(bare: BareUpstream, pick: (below: number) => number): Promise<void> {
  const reader = new NotingReader()
  reader.accepts = () => {
    if (pick(3) > 0) return true
    setImmediate(() => reader.source?.resume())
    return false
  }
  const leave = new GatewayError('client_gone')
  if (pick(8) === 0) reader.onHead = () => queueMicrotask(() => reader.source?.abort(leave))
  const body = pick(3) > 0 ? null : new TestBody(pick(2) > 0 ? ['ab', 'cd'] : undefined, pick(2) > 0 ? 4 : undefined)
  const headers = pick(4) === 0 ? ['Trailer', 'X'] : []
  const { cancel } = bare.fetch({ method: body === null ? 'GET' : 'POST', body, headers }, reader)
  const patience = pick(5) === 0 ? pick(5) : 60
  for (let i = 0; i < patience && !reader.isEnded && reader.failure === undefined; i++) {
    await turn()
    if (i === 3 && pick(2) === 0) body?.stream?.destroy(new GatewayError('body_too_slow'))
  }
  cancel(leave)
}

const everything = {
  upstream: {
    balance: 'peak_ewma',
    outlier_ejection: { base: '20ms', consecutive_errors: 2 },
    circuit_breaker: { minimum_requests: 5, window: '100ms', open_for: '10ms' },
    sticky: true,
  },
  route: {
    retry: { attempts: 4, on: ['connect', 'unsent', 'reset', 'timeout', 502, 503, 504], budget: '100%' },
    hedge: { after: '1ms', budget: '100%' },
    timeouts: { response: '50ms' },
  },
}
const plays = [1, 7, 42, 1234, 99_999].flatMap((seed) => [
  { seed, policies: 'defaults', upstream: {}, route: {} },
  { seed, policies: 'every policy', ...everything },
])

for (const { seed, policies, upstream, route } of plays) {
  t.test(`nothing leaks and the protocol holds, with ${policies}, seed ${seed}`, async (t) => {
    const pick = generator(seed)
    const backends = await Promise.all([1, 2].map(() => new RawBackend((c) => misbehave(c, pick)).listen()))
    const urls = [...backends.map(({ url }) => url), 'http://127.0.0.1:1']
    const bare = new BareUpstream(urls, { upstream: { pool: { connections: 4, queue: 20 }, ...upstream }, ...route })
    t.teardown(async () => {
      bare.close()
      await Promise.all(backends.map((backend) => backend.close()))
    })
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 40 }, () => misuse(bare, pick)))
    }
    await until(() => bare.upstream.snapshot().endpoints.every(({ outstanding }) => outstanding === 0))
    t.match(
      bare.upstream.snapshot().endpoints.map(({ queued, connections }) => [queued, connections.connecting]),
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    )
    t.equal(bare.wheel.armed, 0, 'no deadline is left behind')
    t.ok(bare.upstream.snapshot().endpoints.every(({ connections }) => connections.open <= 4))
    t.same(bare.origin.violations, [])
    const internal = bare.upstream.snapshot().endpoints.map(({ requests }) => requests.internal ?? 0)
    t.same(internal, [0, 0, 0], 'nothing was our own fault')
  })
}

/** Another configuration, or an operator's wish. */
function change(
  bare: BareUpstream,
  urls: readonly string[],
  pick: (below: number) => number,
): CheckedOrigin | undefined {
  const url = urls[pick(urls.length)] as string
  const wish = pick(4)
  if (wish === 0) bare.upstream.change(url, { drained: pick(2) === 0 })
  else if (wish === 1) bare.upstream.change(url, { weight: pick(3) === 0 ? null : pick(4) })
  if (wish < 2) return undefined
  const endpoints = urls.filter(() => pick(4) > 0).map((each) => ({ url: each, weight: 1 + pick(3), tier: pick(2) }))
  const { upstream, route } = everything
  const balance = ['peak_ewma', 'least_requests', 'round_robin', 'random', { hash: 'path' }][pick(5)]
  const options = {
    ...route,
    upstream: {
      ...upstream,
      balance,
      pool: { connections: 2 + pick(3), queue: 20 },
      ...(pick(2) === 0 ? { health_check: { interval: '10ms', timeout: '20ms' } } : {}),
      ...(pick(3) === 0 ? { concurrency: 10 } : {}),
    },
  }
  return bare.reload(endpoints.length > 0 ? endpoints : [url], options)
}

for (const seed of [3, 77, 2026]) {
  t.test(`nor while configurations and operators change everything, seed ${seed}`, async (t) => {
    const pick = generator(seed)
    const backends = await Promise.all([1, 2, 3].map(() => new RawBackend((c) => misbehave(c, pick)).listen()))
    const urls = [...backends.map(({ url }) => url), 'http://127.0.0.1:1']
    const bare = new BareUpstream(urls, { upstream: everything.upstream, ...everything.route })
    t.teardown(() => Promise.all(backends.map((backend) => backend.close())))
    const origins = [bare.origin]
    for (let round = 0; round < 12; round++) {
      const requests = Array.from({ length: 30 }, () => misuse(bare, pick))
      for (let changes = 0; changes < 3; changes++) {
        await turn()
        if (change(bare, urls, pick) !== undefined) origins.push(bare.origin)
        requests.push(...Array.from({ length: 5 }, () => misuse(bare, pick)))
      }
      await Promise.all(requests)
    }
    await until(() => bare.upstream.snapshot().endpoints.every(({ outstanding }) => outstanding === 0))
    // Places of requests that were given up are held for a while.
    await until(() => bare.wheel.armed === 0)
    t.same(
      origins.flatMap(({ violations }) => violations),
      [],
    )
    t.ok(bare.upstream.snapshot().endpoints.every(({ requests }) => requests.internal === undefined))
    bare.close()
    t.equal(bare.keep.size, 0, 'no state is left behind')
    await until(() => backends.every(({ connections }) => connections.every(({ isClosed }) => isClosed)))
  })
}
