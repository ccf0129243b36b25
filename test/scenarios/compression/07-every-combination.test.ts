import { type Behaviour, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { codings, decoded, json, listing } from './coding.ts'

const body = listing(40_000)
const fields = { ...json, etag: '"v1"', 'cache-control': 'max-age=60', 'accept-ranges': 'bytes' }

/** A backend that knows conditions and ranges; `/chunked` doesn't say how long it is. */
const backend: Behaviour = (request, answer) => {
  const isGet = request.method === 'GET'
  const isKnown = request.header('if-none-match')?.split(', ').includes('"v1"') === true
  if (isKnown) return reply(304, { etag: '"v1"' })(request, answer)
  const ifRange = request.header('if-range')
  if (isGet && request.header('range') !== undefined && (ifRange === undefined || ifRange === '"v1"')) {
    const part = { ...fields, 'content-range': `bytes 5-14/${body.length}` }
    return reply(206, part, body.slice(5, 15))(request, answer)
  }
  const chunks = [body.slice(0, 17_000), body.slice(17_000)]
  return reply(200, fields, body, request.target === '/chunked' ? { chunks } : {})(request, answer)
}

/** Conditions by name: what to send to a client's tag, and what that leads to. */
const conditions = {
  none: () => [],
  same: (tag: string) => ['If-None-Match', tag],
  other: () => ['If-None-Match', '"v0", "v0~br", W/"x"'],
  'if-range': (tag: string) => ['If-Range', tag],
}

for (const cache of [false, true]) {
  for (const target of ['/whole', '/chunked']) {
    scenario(`every coding × range × condition × method: ${target}${cache ? ', cached' : ''}`, async (s, t) => {
      const origin = await s.origin(backend)
      const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache }] })
      if (cache) await gw.get(target)
      for (const coding of [...codings, 'identity']) {
        const isCoded = coding !== 'identity'
        const tag = isCoded ? `"v1~${coding}"` : '"v1"'
        for (const [condition, fieldsFor] of Object.entries(conditions)) {
          for (const hasRange of [false, true]) {
            for (const method of ['GET', 'HEAD']) {
              const range = hasRange ? ['Range', 'bytes=5-14'] : []
              const headers = ['Accept-Encoding', coding, ...range, ...fieldsFor(tag)]
              const answer = await gw.get(target, { method, headers })
              const name = `${coding} ${condition} ${hasRange ? 'range ' : ''}${method}`
              const isPart = hasRange && method === 'GET' && !(condition === 'if-range' && isCoded)
              const status = condition === 'same' ? 304 : isPart ? 206 : 200
              t.equal(answer.status, status, name)
              t.ok(answer.isComplete, name)
              t.match(answer.headers('vary').join(', '), /^Accept-Encoding$/, name)
              t.equal(answer.header('etag'), status === 206 ? '"v1"' : tag, name)
              t.equal(answer.header('content-encoding'), status === 200 && isCoded ? coding : undefined, name)
              if (status === 200 && isCoded) t.equal(answer.header('accept-ranges'), undefined, name)
              const expected = method === 'HEAD' || status === 304 ? '' : isPart ? body.slice(5, 15) : body
              t.ok(method === 'HEAD' ? answer.text === '' : decodedOr(answer, status) === expected, name)
            }
          }
        }
      }
    })
  }
}

function decodedOr(answer: Parameters<typeof decoded>[0], status: number): string {
  return status === 200 ? decoded(answer) : answer.text
}
