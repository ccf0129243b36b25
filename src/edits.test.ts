import t from 'tap'
import { fakeExchange, requestHead, testPeer } from '../test/harness/exchange.ts'
import { wholeBody } from './core/body.ts'
import { CheckedOrigin } from './core/checked-origin.ts'
import { GatewayError } from './core/errors.ts'
import type { Exchange, Peer } from './core/exchange.ts'
import { headerValues } from './core/headers.ts'
import type { RequestHead } from './core/message.ts'
import type { Origin, Reader } from './core/origin.ts'
import type { Stage } from './core/stage.ts'
import { Edits, upstreamHead, VIA } from './edits.ts'

function exchange(peer: Partial<Peer> = {}): Exchange {
  return { id: 'id-1', peer: { ...testPeer, ...peer } } as Exchange
}

function sent(headers: string[], peer: Partial<Peer> = {}): string[] {
  return upstreamHead(exchange(peer), requestHead({ headers })).headers
}

t.test('end-to-end fields go upstream as they came: order, case, duplicates, empty values', async (t) => {
  const headers = ['accept', '*/*', 'X-B', '2', 'x-a', '', 'Cookie', 'a=1', 'X-B', '3']
  t.strictSame(sent(headers).slice(0, headers.length), headers)
})

t.test('what each hop says anew is not copied, and neither are look-alikes of it', async (t) => {
  for (const name of [
    'Host',
    'Content-Length',
    'content_length',
    'Expect',
    'Connection',
    'transfer_encoding',
    'TE',
    'Upgrade',
  ]) {
    t.strictSame(sent([name, '5', 'X-Kept', '1']).slice(0, 2), ['X-Kept', '1'], name)
  }
})

t.test('who the client is and where it wanted to go is ours alone to say, however it is spelled', async (t) => {
  const spoofed = [
    'X-Forwarded-For',
    'x_forwarded_for',
    'X-Real-IP',
    'Forwarded',
    'X-Original-URL',
    'X-Rewrite-Url',
    'X-FORWARDED_Host',
    'X-Request-Id',
  ]
  const forwarded = ['X-Forwarded-For', '127.0.0.1']
  const list = sent(
    spoofed.flatMap((name) => [name, 'spoofed']),
    { forwarded },
  )
  t.strictSame(list, ['X-Forwarded-For', '127.0.0.1', 'X-Request-Id', 'id-1', 'Via', VIA])
})

t.test('Via grows by our line (RFC 9110 §7.6.3)', async (t) => {
  t.strictSame(headerValues(sent(['Via', '1.1 other']), 'via'), ['1.1 other', VIA])
})

t.test('the request itself stays as it came, for the log and for other tries', async (t) => {
  const request = requestHead({ headers: ['Host', 'a', 'X-A', '1'] })
  const stage: Stage = {
    name: 'set',
    send: (_x, req) => {
      req.headers.push('X-Set', '1')
      return { ...req, path: '/other' }
    },
  }
  const head = new Edits([stage], { fetch: () => () => {} }).prepare(exchange(), request)
  t.equal(head.path, '/other')
  t.strictSame([request.path, request.headers], ['/', ['Host', 'a', 'X-A', '1']])
})

/** Runs a whole exchange through `send` and `store` stages over an origin that notes the request. */
function run(stages: Stage[], script: (to: Reader) => void) {
  const asked: RequestHead[] = []
  const inner: Origin = {
    fetch(_x, req, to) {
      asked.push(req)
      script(to)
      return () => {}
    },
  }
  const checked = new CheckedOrigin(new Edits(stages, inner))
  const it = fakeExchange({ origin: checked })
  it.client.start()
  checked.check()
  return { ...it, asked }
}

const answer = (to: Reader) => {
  to.interim(103, [])
  to.head({ status: 200, reason: 'OK', headers: ['A', '1'] }, wholeBody)
  to.write(Buffer.from('hello'))
  to.end(['T', '1'])
}

t.test('send stages run in list order, store stages in reverse', async (t) => {
  const stage = (name: string): Stage => ({
    name,
    send: (_x, req) => {
      req.headers.push('X-Send', name)
      return req
    },
    store: (_x, res) => void res.headers.push('X-Store', name),
  })
  const { asked, down } = run([stage('a'), { name: 'none' }, stage('b')], answer)
  t.strictSame(headerValues(asked[0]?.headers ?? [], 'x-send'), ['a', 'b'])
  t.strictSame(down.headers, ['A', '1', 'X-Store', 'b', 'X-Store', 'a'])
  t.strictSame(down.events, ['attach', 'interim 103', 'head 200', 'write 5', 'end'])
  t.strictSame(down.trailers, ['T', '1'])
})

t.test('a send stage that throws answers before anything is asked', async (t) => {
  const stage: Stage = {
    name: 'broken',
    send: () => {
      throw new GatewayError('bad_header')
    },
  }
  const { asked, down } = run([stage], answer)
  t.equal(asked.length, 0)
  t.equal(down.status, 400)
})

t.test('a store stage that throws gives the answer up and hides the rest of it', async (t) => {
  const stage: Stage = {
    name: 'broken',
    store: () => {
      throw new Error('oh')
    },
  }
  for (const ending of ['end', 'fail'] as const) {
    let isAborted = false
    const source = {
      ...wholeBody,
      abort: () => {
        isAborted = true
      },
    }
    const { down } = run([stage], (to) => {
      to.head({ status: 200, reason: 'OK', headers: [] }, source)
      t.equal(to.write(Buffer.from('x')), true)
      if (ending === 'end') to.end()
      else to.fail(new GatewayError('truncated'))
    })
    t.equal(isAborted, true)
    t.equal(down.status, 500)
    t.equal(down.over, 'end')
  }
})
