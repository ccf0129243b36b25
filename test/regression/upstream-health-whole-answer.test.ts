/** A check looks at the whole of an answer, within its time: a good status line before nothing is no sign of health. */
import type { TestGateway } from '../harness/gateway.ts'
import { type Answering, type Behaviour, exactly, reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'

const check = { path: '/h', interval: '20ms', timeout: '60ms', healthy: 1, unhealthy: 2 }

async function verdict(gw: TestGateway, count: number): Promise<number | undefined> {
  for (;;) {
    const good = (await gw.metric('gateway_health_checks_total', { outcome: 'good' })) ?? 0
    const failed = (await gw.metric('gateway_health_checks_total', { outcome: 'failed' })) ?? 0
    if (good + failed >= count) return gw.metric('gateway_upstream_healthy')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const endless: Behaviour = async (_request, answer: Answering) => {
  answer.send('HTTP/1.1 200 OK\r\n\r\n')
  const more = setInterval(() => answer.send('x'.repeat(100)), 2)
  await answer.closed()
  clearInterval(more)
}

const cut: Behaviour = (_request, answer) => {
  answer.send('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nab').end()
}

const cutChunks: Behaviour = (_request, answer) => {
  answer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok-y.\r\n').end()
}

const far = `${'x'.repeat(70_000)}ok-y`
const cases: [string, Behaviour, object, 0 | 1][] = [
  ['a length and no body', exactly('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'), {}, 0],
  ['a body without an end', endless, {}, 0],
  ['a body that is too large to be one', reply(200, {}, 'x'.repeat(2_000_000)), {}, 0],
  ['a text beyond the first 64 KiB', reply(200, {}, far), { body: 'ok-y' }, 0],
  ['the same text, just within them', reply(200, {}, far.slice(70_004 - 65_536)), { body: 'ok-y' }, 1],
  ['a body that breaks off', cut, {}, 0],
  ['chunks that break off after the text', cutChunks, { body: 'ok-y' }, 0],
  ['a whole answer', reply(200, {}, 'ok-y'), { body: 'ok-y' }, 1],
  ['a whole answer of chunks, the text split', reply(200, {}, '', { chunks: ['o', 'k-', 'y'] }), { body: 'ok-y' }, 1],
  ['an answer without content', reply(204), {}, 1],
  [
    'an answer that ends with its connection',
    (_request, answer) => answer.send('HTTP/1.1 200 OK\r\n\r\nok-y').end(),
    { body: 'ok-y' },
    1,
  ],
]

for (const [title, behaviour, own, expected] of cases) {
  scenario(`${title}: ${expected === 1 ? 'healthy' : 'unhealthy'}`, async (s, t) => {
    const origin = await s.origin(behaviour)
    const timeout = expected === 1 ? '5s' : check.timeout
    const gw = await s.gateway({
      upstreams: { u: { endpoints: [origin.url], health_check: { ...check, ...own, timeout } } },
      routes: [{ upstream: 'u' }],
    })
    t.equal(await verdict(gw, 2), expected)
  })
}
