import { once } from 'node:events'
import {
  type BrotliCompress,
  createBrotliCompress,
  createBrotliDecompress,
  createGunzip,
  createGzip,
  createZstdCompress,
  createZstdDecompress,
  type Gzip,
  type ZstdCompress,
} from 'node:zlib'
import type { RawAnswer } from '../harness/client.ts'
import type { Answering } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'
import { eventually } from '../harness/wire.ts'
import { accept, codings } from '../scenarios/compression/coding.ts'

const decoders = { gzip: createGunzip, br: createBrotliDecompress, zstd: createZstdDecompress }
const encoders = { gzip: createGzip, br: createBrotliCompress, zstd: createZstdCompress }

/** Decodes what has come of an answer, whenever some comes. */
function reading(answer: RawAnswer) {
  const coding = codings.find((coding) => coding === answer.header('content-encoding'))
  const all = { text: '', over: Promise.resolve() }
  const decoder = coding === undefined ? undefined : decoders[coding]()
  decoder?.on('data', (chunk: Buffer) => {
    all.text += chunk.toString()
  })
  all.over = (async () => {
    for (let piece = await answer.body.next(); piece !== undefined; piece = await answer.body.next()) {
      if (decoder === undefined) all.text += piece.toString()
      else decoder.write(piece)
    }
    if (decoder === undefined) return
    const ended = once(decoder, 'end')
    decoder.end()
    await ended
  })()
  return all
}

const events = [': hi\n\n', 'data: 1\n\n', 'data: two\n\n']

for (const padding of ['0B', '1B', '100B', '256B']) {
  for (const coding of codings) {
    scenario(`no event waits for the next one: ${coding}, ${padding} of padding`, async (s, t) => {
      let answering: Answering | undefined
      const origin = await s.origin((_request, answer) => {
        answering = answer
        answer.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
      })
      const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { padding } }] })
      const client = await gw.client()
      client.request({ headers: accept(coding) })
      const answer = await client.answer()
      t.equal(answer.header('content-encoding'), coding)
      const got = reading(answer)
      let sent = ''
      for (const event of events) {
        answering?.chunk(event)
        sent += event
        await eventually(JSON.stringify(event), () => got.text === sent)
      }
      answering?.lastChunk()
      await got.over
      t.ok(answer.isComplete)
      t.equal(got.text, sent)
    })
  }
}

for (const came of codings) {
  for (const coding of [...codings, 'identity'] as const) {
    if (coding === came) continue

    scenario(`nor when it is taken from ${came} to ${coding} on the way, byte by byte`, async (s, t) => {
      let answering: Answering | undefined
      const origin = await s.origin((_request, answer) => {
        answering = answer
        answer.send(
          'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n',
          `Content-Encoding: ${came}\r\n\r\n`,
        )
      })
      const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { padding: '100B' } }] })
      const client = await gw.client()
      client.request({ headers: accept(coding) })
      const encoder: Gzip | BrotliCompress | ZstdCompress = encoders[came]()
      encoder.on('data', (chunk: Buffer) => {
        for (const byte of chunk) answering?.chunk(Uint8Array.of(byte))
      })
      await origin.saw(1)
      // The header of its format goes ahead, and becomes nothing by itself.
      encoder.flush()
      const answer = await client.answer()
      const got = reading(answer)
      let sent = ''
      for (const event of events) {
        encoder.write(event)
        encoder.flush()
        sent += event
        await eventually(JSON.stringify(event), () => got.text === sent)
      }
      const ended = once(encoder, 'end')
      encoder.end()
      await ended
      answering?.lastChunk()
      await got.over
      t.ok(answer.isComplete)
      t.equal(got.text, sent)
    })
  }
}
