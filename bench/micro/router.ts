/**
 * What finding a route costs, by the number of routes, and what a regular expression costs beside JavaScript's own.
 * Run with `node bench/micro/router.ts`; only figures of one run compare.
 */
import type { RequestHead } from '../../src/core/message.ts'
import { Router } from '../../src/router/index.ts'
import { Regex } from '../../src/router/policy/regex.ts'
import { matchSchema } from '../../src/router/schema.ts'

const ROUNDS = 1_000_000

function request(path: string, host = 'shop.example.com'): RequestHead {
  return {
    method: 'GET',
    scheme: 'http',
    authority: host,
    host,
    path,
    query: '?page=2&preview=1',
    headers: ['Host', host, 'User-Agent', 'bench', 'Accept', '*/*', 'X-Beta', '1', 'Cookie', 'a=b'],
    body: null,
  }
}

/** Nanoseconds per call: the best of five series. */
function cost(call: (round: number) => unknown): number {
  let best = Number.POSITIVE_INFINITY
  for (let series = 0; series < 5; series++) {
    const start = process.hrtime.bigint()
    for (let round = 0; round < ROUNDS; round++) call(round)
    best = Math.min(best, Number(process.hrtime.bigint() - start) / ROUNDS)
  }
  return best
}

function print(what: string, nanoseconds: number): void {
  console.log(`${what.padEnd(52)} ${nanoseconds.toFixed(0).padStart(6)} ns`)
}

const shapes: readonly (readonly [string, (i: number) => unknown, (i: number) => RequestHead])[] = [
  ['exact paths', (i) => `/api/service-${i}/list`, (i) => request(`/api/service-${i}/list`)],
  ['prefixes', (i) => `/api/service-${i}/**`, (i) => request(`/api/service-${i}/a/b`)],
  ['captures', (i) => `/api/service-${i}/{id}`, (i) => request(`/api/service-${i}/7`)],
  ['hosts', (i) => ({ host: `s${i}.example.com` }), (i) => request('/a/b', `s${i}.example.com`)],
  ['wildcards', (i) => ({ host: `*.s${i}.example.com` }), (i) => request('/a/b', `x.s${i}.example.com`)],
  [
    'header and query',
    (i) => ({ path: `/service-${i}/**`, headers: { 'x-beta': '1' }, query: { preview: '*' } }),
    (i) => request(`/service-${i}/a`),
  ],
]

for (const [what, match, subject] of shapes) {
  for (const count of [10, 1000]) {
    const routes = Array.from({ length: count }, (_, i) => ({
      name: `r${i}`,
      match: matchSchema.parse(match(i)),
      target: i,
    }))
    const router = new Router(routes)
    const requests = Array.from({ length: 64 }, (_, i) => subject((i * 37) % count))
    print(
      `${what}, ${count} routes`,
      cost((round) => router.find(requests[round & 63] as RequestHead)),
    )
  }
}

for (const text of ['^/v[12]/', '^/users/(?<id>[^/]+)/orders', '\\.(?:jpe?g|png|gif)$']) {
  const [ours, theirs] = [new Regex(text), new RegExp(text)]
  const subjects = ['/users/12345/orders/67890', '/v2/catalog/items/17', '/images/a/b/c/photo.jpeg', '/']
  print(
    `regex ${text}`,
    cost((round) => ours.test(subjects[round & 3] as string)),
  )
  print(
    "  JavaScript's own, without a bound on its time",
    cost((round) => theirs.test(subjects[round & 3] as string)),
  )
}
