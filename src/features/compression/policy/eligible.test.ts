import t from 'tap'
import { describe, factsOf, skipReason } from './eligible.ts'
import { compileTypes, defaultTypes } from './types.ts'

const rules = { minBytes: 100, suits: compileTypes(defaultTypes) }
const reason = (status: number, ...headers: string[]) => skipReason(status, factsOf(headers), rules)

t.test('each answer that is not compressed has one reason', async (t) => {
  const text = ['Content-Type', 'text/html; charset=utf-8']
  t.equal(reason(200, ...text), undefined)
  t.equal(reason(404, ...text, 'Content-Length', '100'), undefined)
  t.equal(reason(200, ...text, 'content-length', '99'), 'size')
  t.equal(reason(204, ...text), 'status')
  t.equal(reason(206, ...text), 'partial')
  t.equal(reason(200, ...text, 'CONTENT-RANGE', 'bytes 0-1/2'), 'partial')
  t.equal(reason(200, ...text, 'Cache-Control', 'public, No-Transform'), 'no-transform')
  t.equal(reason(200, ...text, 'Cache-Control', 'max-age=1', 'Cache-Control', 'no-transform'), 'no-transform')
  t.equal(reason(200, ...text, 'Content-Encoding', 'GZIP'), 'encoded')
  t.equal(reason(200, ...text, 'Content-Encoding', 'identity'), undefined)
  t.equal(reason(200, 'Content-Type', 'video/mp4'), 'type')
  t.equal(reason(200), 'type')
})

t.test('types match by pattern, whatever their case and parameters', async (t) => {
  const suits = compileTypes(defaultTypes)
  const yes = ['TEXT/Plain', 'application/ld+json; a=b', 'image/svg+xml', 'text/event-stream', 'application/wasm']
  for (const type of yes) t.ok(suits(type), type)
  const no = ['image/png', 'application/grpc', 'application/jsonx', 'xtext/html', 'application/octet-stream', '']
  for (const type of no) t.notOk(suits(type), type)
  const all = compileTypes(['*/*'])
  t.ok(all('image/png'))
  for (const type of ['application/grpc+proto', 'multipart/byteranges; boundary=x']) t.notOk(all(type), type)
  for (let i = 0; i < 1000; i++) all(`x/y; n=${i}`)
  t.ok(all('image/png'), 'it forgets, but never wrongly')
})

t.test('the head describes the new body and nothing of the old one', async (t) => {
  const headers = [
    'Content-Length',
    '9',
    'ETag',
    '"a"',
    'X',
    'y',
    'Accept-Ranges',
    'bytes',
    'Digest',
    'd',
    'eTag',
    '"b"',
  ]
  describe(headers, { coding: 'br', etag: '"a~br"', lengthBytes: 3 })
  t.strictSame(headers, ['ETag', '"a~br"', 'X', 'y', 'eTag', '"a~br"', 'Content-Encoding', 'br', 'Content-Length', '3'])
  const plain = ['content-encoding', 'gzip', 'etag', '"a"']
  describe(plain, { coding: undefined, etag: undefined, lengthBytes: undefined })
  t.strictSame(plain, ['etag', '"a"'])
})

t.test('Vary is seen where it names Accept-Encoding', async (t) => {
  const varies = (...headers: string[]) => factsOf(headers).variesByCoding
  t.ok(varies('Vary', 'Origin, accept-encoding'))
  t.ok(varies('Vary', '*'))
  t.ok(varies('Vary', 'Origin', 'vary', 'Accept-Encoding'))
  t.notOk(varies('Vary', 'X-Accept-Encoding, Origin'))
  t.notOk(varies())
})
