import t from 'tap'
import { type BareListener, bareListener } from '../../test/hardening/bare-listener.ts'
import type { Downstream } from '../core/downstream.ts'
import { GatewayError } from '../core/errors.ts'
import type { Entry } from './listener.ts'

const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const idle = { drained() {}, gone() {} }

/** An entry that attaches a silent owner and hands the downstream over. */
const driven =
  (drive: (down: Downstream) => void): Entry =>
  (_request, _peer, down) => {
    down.attach(idle)
    drive(down)
  }

async function listening(
  t: { teardown(end: () => unknown): void },
  drive: (down: Downstream) => void,
  config: object = {},
): Promise<BareListener> {
  const bare = await bareListener(config, driven(drive))
  t.teardown(() => bare.close())
  return bare
}

/** What arrived, without the Date that every answer gets (RFC 9110 §6.6.1). */
const undated = (text: string): string => text.replace(/Date: [^\r]+\r\n/, '')

async function answerOf(bare: BareListener, bytes: string): Promise<string> {
  const client = bare.client().send(bytes.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  return undated(await client.closed())
}

t.test('an answer arrives with the order, case, repetitions and reason it was given', async (t) => {
  const bare = await listening(t, (down) => {
    down.head(203, 'Not Really', ['x-B', '1', 'Set-Cookie', 'a', 'X-a', '', 'set-cookie', 'b', 'content-length', '2'])
    down.write(Buffer.from('hi'))
    down.end()
  })
  const fields = 'x-B: 1\r\nSet-Cookie: a\r\nX-a: \r\nset-cookie: b\r\ncontent-length: 2\r\nConnection: close\r\n'
  t.equal(await answerOf(bare, request), `HTTP/1.1 203 Not Really\r\n${fields}\r\nhi`)
})

t.test('a reason may be empty, and a Date that is there stays', async (t) => {
  const bare = await listening(t, (down) => {
    down.head(299, '', ['Date', 'x', 'Content-Length', '0'])
    down.end()
  })
  const client = bare.client().send(request)
  t.equal(await client.until('\r\n\r\n'), 'HTTP/1.1 299 \r\nDate: x\r\nContent-Length: 0\r\n\r\n')
})

t.test('names beyond ASCII in Content-Disposition survive byte for byte', async (t) => {
  const bare = await listening(t, (down) => {
    down.head(200, 'OK', ['Content-Length', '0', 'Content-Disposition', 'attachment; filename="\xc3\xa9\xff"'])
    down.end()
  })
  t.match(await answerOf(bare, request), 'Content-Disposition: attachment; filename="\xc3\xa9\xff"\r\n')
})

t.test('without a length the content goes out in chunks, with trailers in their own case', async (t) => {
  const bare = await listening(t, (down) => {
    down.head(200, 'OK', ['Trailer', 'X-Sum', 'transfer-encoding', 'gzip', 'Connection', 'keep-alive'])
    down.write(Buffer.from('hello'))
    down.end(['x-SUM', '1', 'X-Sum', '2', 'Content-Length', '9'])
  })
  const head = 'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
  t.equal(await answerOf(bare, request), `${head}5\r\nhello\r\n0\r\nx-SUM: 1\r\nX-Sum: 2\r\n\r\n`)
})

t.test('a 1.0 client gets neither chunks nor interim answers; the end of the connection is the end', async (t) => {
  const bare = await listening(t, (down) => {
    down.interim(103, ['Link', '</a>'])
    down.head(200, 'OK', ['X', 'y', 'Trailer', 'z'])
    down.write(Buffer.from('hello'))
    down.end(['z', '1'])
  })
  const client = bare.client().send('GET / HTTP/1.0\r\nTE: chunked\r\nConnection: keep-alive\r\n\r\n')
  t.equal(undated(await client.closed()), 'HTTP/1.1 200 OK\r\nX: y\r\nConnection: close\r\n\r\nhello')
})

t.test('a 1.0 client that asks for it keeps its connection where the length is known', async (t) => {
  const bare = await listening(t, (down) => {
    down.head(200, 'OK', ['Content-Length', '0'])
    down.end()
  })
  const client = bare.client().send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  t.match(await client.until('\r\n\r\n'), /Connection: keep-alive/)
  client.send('GET / HTTP/1.0\r\n\r\n')
  await client.closed()
  t.equal(bare.seen.length, 2)
})

t.test('interim answers arrive at once and as they are, but never 100, 101 or broken ones', async (t) => {
  let hold: Downstream | undefined
  const bare = await listening(t, (down) => {
    hold = down
    down.interim(100, [])
    down.interim(101, [])
    down.interim(103, ['X', 'a\r\nInjected: b'])
    down.interim(103, ['LINK', '</a>; rel=preload', 'Link', '</b>'])
  })
  const client = bare.client().send(request)
  const interim = 'HTTP/1.1 103 Early Hints\r\nLINK: </a>; rel=preload\r\nLink: </b>\r\n\r\n'
  t.equal(await client.until('\r\n\r\n'), interim)
  hold?.head(204, 'No Content', [])
  hold?.end()
  t.equal(undated(await client.until('204')).replace(/\r\n$/, ''), `${interim}HTTP/1.1 204 No Content\r\n`)
})

for (const [method, status] of [
  ['HEAD', 200],
  ['GET', 204],
  ['GET', 304],
] as const) {
  t.test(`a ${status} to ${method} has no content, whatever is written`, async (t) => {
    const bare = await listening(t, (down) => {
      down.head(status, 'Fine', ['Trailer', 'X', 'ETag', '"a"', ...(status === 204 ? [] : ['Content-Length', '5'])])
      down.write(Buffer.from('hello'))
      down.end(['X', 'y'])
    })
    const answer = await answerOf(bare, `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)
    const length = status === 204 ? '' : 'Content-Length: 5\r\n'
    t.equal(answer, `HTTP/1.1 ${status} Fine\r\nETag: "a"\r\n${length}Connection: close\r\n\r\n`)
  })
}

t.test('a head arrives before any content does', async (t) => {
  let hold: Downstream | undefined
  const bare = await listening(t, (down) => {
    hold = down
    down.head(200, 'OK', ['Content-Type', 'text/event-stream'])
  })
  const client = bare.client().send(request)
  await client.until('\r\n\r\n')
  hold?.write(Buffer.from('data: 1\n\n'))
  await client.until('data: 1')
  t.notOk(client.received.includes('0\r\n\r\n'))
  hold?.end()
  await client.until('0\r\n\r\n')
})

for (const [name, fields] of [
  ['in chunks', []],
  ['with a length', ['Content-Length', '100']],
] as const) {
  t.test(`an answer ${name} that breaks off is seen to be incomplete, with what was sent`, async (t) => {
    const bare = await listening(t, (down) => {
      down.head(200, 'OK', [...fields])
      down.write(Buffer.from('hello'))
      down.abort()
    })
    const received = await bare.client().send(request).closed()
    t.match(received, /hello/)
    t.notOk(received.endsWith('0\r\n\r\n'))
    t.equal(
      await bare.client().send(request).closed(),
      received.replace(/Date: [^\r]+/, /Date: [^\r]+/.exec(received)?.[0] ?? ''),
    )
  })
}

t.test('an answer that only the end of the connection would end is reset when it breaks off', async (t) => {
  let hold: Downstream | undefined
  const bare = await listening(t, (down) => {
    hold = down
    down.head(200, 'OK', [])
    down.write(Buffer.from('hello'))
  })
  const client = bare.client().send('GET / HTTP/1.0\r\n\r\n')
  await client.until('hello')
  hold?.abort()
  await client.closed()
  await new Promise<void>((resolve) => {
    if (client.isClosed) resolve()
    else client.socket.once('close', () => resolve())
  })
  t.equal(client.error?.code, 'ECONNRESET')
})

t.test('less or more content than announced is never made to look complete', async (t) => {
  for (const length of ['3', '9']) {
    let gone = 0
    const bare = await bareListener({}, (_request, _peer, down) => {
      down.attach({ drained() {}, gone: () => gone++ })
      down.head(200, 'OK', ['Content-Length', length])
      down.write(Buffer.from('hello'))
      down.end()
    })
    t.teardown(() => bare.close())
    const content = (await bare.client().send(request).closed()).split('\r\n\r\n')[1] ?? ''
    t.notOk(content.length === Number(length), `${content.length} of ${length}`)
    t.equal(gone, 1)
  }
})

t.test('fields that cannot be written become a 502, and the process lives', async (t) => {
  const bad: [string, string][] = [
    ['X', 'a\r\nInjected: b'],
    ['X', 'a\0'],
    ['X\r\nInjected', 'a'],
    ['', 'a'],
    ['X', '\u0100'],
  ]
  for (const [name, value] of bad) {
    let gone = 0
    const bare = await bareListener({}, (_request, _peer, down) => {
      down.attach({ drained() {}, gone: () => gone++ })
      down.head(200, 'OK', [name, value, 'Content-Length', '2'])
      down.write(Buffer.from('hi'))
      down.end()
    })
    t.teardown(() => bare.close())
    const received = await bare.client().send(request).closed()
    t.match(received, /^HTTP\/1\.1 502 /)
    t.notMatch(received, /Injected|hi$/)
    t.equal(gone, 1)
  }
})

t.test('a reason or status that cannot be written becomes a 502', async (t) => {
  for (const [status, reason] of [
    [200, 'a\r\nInjected: b'],
    [99, 'x'],
    [1000, 'x'],
  ] as const) {
    const bare = await listening(t, (down) => {
      down.head(status, reason, ['Content-Length', '0'])
      down.end()
    })
    t.match(await bare.client().send(request).closed(), /^HTTP\/1\.1 502 /)
  }
})

t.test('trailers that cannot be written are left out', async (t) => {
  const bare = await listening(t, (down) => {
    down.head(200, 'OK', [])
    down.write(Buffer.from('a'))
    down.end(['X', 'a\r\nInjected: b'])
  })
  t.match(await answerOf(bare, request), /1\r\na\r\n0\r\n\r\n$/)
})

t.test('a writer is held back while the client does not read, and told when it may go on', async (t) => {
  const total = 32 * 1024 * 1024
  const chunk = Buffer.alloc(256 * 1024, 'x')
  let drains = 0
  const bare = await bareListener({}, (_request, _peer, down) => {
    let sent = 0
    const pump = (): void => {
      while (sent < total) {
        sent += chunk.byteLength
        if (!down.write(chunk)) return
      }
      down.end()
    }
    down.attach({
      drained: () => {
        drains++
        pump()
      },
      gone() {},
    })
    down.head(200, 'OK', ['Content-Length', String(total)])
    pump()
  })
  t.teardown(() => bare.close())
  const client = bare.client()
  let received = 0
  client.socket.removeAllListeners('data')
  const whole = new Promise<void>((resolve) => {
    client.socket.on('data', (data) => {
      received += data.byteLength
      if (received > total) resolve()
    })
  })
  client.send(request)
  await whole
  t.ok(drains > 0)
  t.ok(received > total && received < total + 300)
})

t.test('a client that takes nothing of its answer is cut off after idle_timeout', async (t) => {
  let gone: (() => void) | undefined
  const isGone = new Promise<void>((resolve) => {
    gone = resolve
  })
  const bare = await bareListener({ limits: { idle_timeout: '100ms' } }, (_request, _peer, down) => {
    const pump = (): void => {
      down.write(Buffer.alloc(4 * 1024 * 1024))
    }
    down.attach({ drained: pump, gone: () => gone?.() })
    down.head(200, 'OK', [])
    pump()
  })
  t.teardown(() => bare.close())
  const client = bare.client()
  client.socket.pause()
  client.send(request)
  await isGone
  t.pass('cut off')
})

t.test('a client that leaves is noticed once, and nothing is called after', async (t) => {
  let gone = 0
  let left: (() => void) | undefined
  const isGone = new Promise<void>((resolve) => {
    left = resolve
  })
  let hold: Downstream | undefined
  const bare = await bareListener({}, (_request, _peer, down) => {
    hold = down
    down.attach({
      drained() {},
      gone: () => {
        gone++
        left?.()
      },
    })
  })
  t.teardown(() => bare.close())
  const client = bare.client().send(request)
  await bare.saw(1)
  client.socket.resetAndDestroy()
  await isGone
  hold?.head(200, 'OK', [])
  hold?.write(Buffer.from('late'))
  hold?.end()
  hold?.abort()
  t.equal(gone, 1)
})

t.test('pipelined requests take turns and are answered in order', async (t) => {
  const downs: Downstream[] = []
  const bare = await listening(t, (down) => downs.push(down))
  const client = bare
    .client()
    .send(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
  for (let i = 0; i < 3; i++) {
    await bare.saw(i + 1)
    t.equal(bare.seen.length, i + 1, 'the next one waits')
    t.equal(bare.seen[i]?.request.path, `/${i + 1}`)
    downs[i]?.head(200, 'OK', ['Content-Length', '1'])
    downs[i]?.write(Buffer.from(String(i)))
    downs[i]?.end()
  }
  const received = await client.until(/2$/)
  t.same(received.match(/\r\n\r\n\d/g), ['\r\n\r\n0', '\r\n\r\n1', '\r\n\r\n2'])
})

t.test('an answer that breaks off takes the pipelined requests behind it along', async (t) => {
  const bare = await listening(t, (down) => {
    down.head(200, 'OK', ['Content-Length', '9'])
    down.write(Buffer.from('a'))
    down.abort()
  })
  const received = await bare.client().send(request.repeat(3)).closed()
  t.equal(received.match(/HTTP\/1\.1/g)?.length, 1)
  t.equal(bare.seen.length, 1)
})

t.test('an entry that throws is a 500 and a line in the log', async (t) => {
  const bare = await bareListener({}, () => {
    throw new GatewayError('internal', 'broken')
  })
  t.teardown(() => bare.close())
  t.match(await answerOf(bare, request), /^HTTP\/1\.1 500 /)
  t.match(bare.logged[0], { error: /broken/ })
})
