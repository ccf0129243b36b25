import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { MOST_PADDING_BYTES, padded } from './padding.ts'

const body = fc.uint8Array({ maxLength: 70_000, size: 'max' })
const bytes = fc.integer({ min: 1, max: MOST_PADDING_BYTES })

t.test('what is padded decodes to the same, and is as much longer as it should be', async () => {
  fc.assert(
    fc.property(body, bytes, (body, count) => {
      const coded = gzipSync(body)
      const result = padded('gzip', coded, count)
      return result.byteLength === coded.byteLength + count + 2 && gunzipSync(result).equals(body)
    }),
    { numRuns: 50 },
  )
  fc.assert(
    fc.property(body, bytes, (body, count) => {
      const coded = zstdCompressSync(body)
      const result = padded('zstd', coded, count)
      const extra = result.byteLength - coded.byteLength
      return extra >= count && extra < count + 3 && zstdDecompressSync(result).equals(body)
    }),
    { numRuns: 50 },
  )
})
