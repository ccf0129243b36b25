import { constants, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { ZstdFrames } from './zstd-frames.ts'

const skippable = fc.uint8Array({ maxLength: 300 }).map((bytes) => {
  const head = Buffer.alloc(8)
  head.writeUInt32LE(0x184d2a50 + (bytes.byteLength % 16), 0)
  head.writeUInt32LE(bytes.byteLength, 4)
  return Buffer.concat([head, bytes])
})

const frame = fc
  .tuple(
    fc.oneof(
      fc.uint8Array({ maxLength: 300_000, size: 'max' }),
      fc.nat(400_000).map((bytes) => new Uint8Array(bytes)),
    ),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([body, hasChecksum, hasSize]) => {
    const flags = {
      [constants.ZSTD_c_checksumFlag]: Number(hasChecksum),
      [constants.ZSTD_c_contentSizeFlag]: Number(hasSize),
    }
    return zstdCompressSync(body, { params: flags })
  })

t.test('each piece ends where its frame does, however the chunks are cut', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(frame, skippable), { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 }),
      (frames, sizes) => {
        const frames_ = new ZstdFrames()
        const all = Buffer.concat(frames)
        const ends = new Set<number>()
        let at = 0
        for (let i = 0; at < all.byteLength; i++) {
          const chunk = all.subarray(at, at + (sizes[i % sizes.length] as number))
          const pieces = frames_.cut(chunk)
          if (!Buffer.concat(pieces).equals(chunk)) return false
          for (const piece of pieces) {
            at += piece.byteLength
            ends.add(at)
          }
        }
        let end = 0
        for (const frame of frames) {
          end += frame.byteLength
          if (!ends.has(end)) return false
        }
        return true
      },
    ),
    { numRuns: 60 },
  )
})

t.test('what is no frame goes on as it is', async (t) => {
  const frames = new ZstdFrames()
  const first = zstdCompressSync('one')
  const pieces = frames.cut(Buffer.concat([first, Buffer.from('garbage')]))
  t.strictSame(pieces.map(String), [String(first), 'garbage'])
  t.strictSame(frames.cut(Buffer.from('more')).map(String), ['more'])
})
