/**
 * Padding against BREACH (Gluck, Harris, Prado, 2013): bytes in a compressed body that its decoder skips, so that the
 * body's length says less about what is in it. Each format has a place for them near its start:
 *
 *   gzip  the extra field of the header (RFC 1952 §2.3.1.1)
 *   br    a metadata block behind the stream header (RFC 7932 §9.2), which a flush has brought to a whole byte
 *   zstd  empty raw blocks behind the frame header (RFC 8878 §3.1.1.2), 3 bytes each: some decoders take a skippable
 *         frame for the end
 */
import type { Coding } from './negotiate.ts'

/** The most that one metadata block with a length of one byte can skip. */
export const MOST_PADDING_BYTES = 256

/** @param start the body's first bytes, with all of its header: `hasHeader` */
export function padded(coding: Coding, start: Uint8Array, paddingBytes: number): Uint8Array {
  const at = headerBytes(coding, start)
  const insertion =
    coding === 'gzip' ? extraField(paddingBytes) : coding === 'br' ? metadata(paddingBytes) : blocks(paddingBytes)
  const result = new Uint8Array(start.byteLength + insertion.byteLength)
  result.set(start.subarray(0, at))
  result.set(insertion, at)
  result.set(start.subarray(at), at + insertion.byteLength)
  if (coding === 'gzip') result[3] = (result[3] as number) | GZIP_HAS_EXTRA
  return result
}

const GZIP_HAS_EXTRA = 4
/** zstd says in the fifth byte how long its header is. */
const ZSTD_LOOK_BYTES = 5

/** Whether padding can go in now. Not one byte more is waited for: what has been flushed, somebody may be waiting for. */
export function hasHeader(coding: Coding, start: Uint8Array): boolean {
  if (coding === 'zstd' && start.byteLength < ZSTD_LOOK_BYTES) return false
  return start.byteLength > 0 && start.byteLength >= headerBytes(coding, start)
}

/** Where the padding goes. Brotli's is handed over as it stands after its first flush. */
function headerBytes(coding: Coding, start: Uint8Array): number {
  if (coding === 'gzip') return 10
  if (coding === 'br') return start.byteLength
  const descriptor = start[4] as number
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number
  return 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes
}

function extraField(bytes: number): Uint8Array {
  const field = new Uint8Array(2 + bytes)
  field[0] = bytes & 0xff
  field[1] = bytes >> 8
  return field
}

/** ISLAST 0, MNIBBLES 0 (as 11), reserved 0, MSKIPBYTES 1, then the length less one in a byte, from the lowest bit up. */
function metadata(bytes: number): Uint8Array {
  const block = new Uint8Array(2 + bytes)
  const header = 0b010110 | ((bytes - 1) << 6)
  block[0] = header & 0xff
  block[1] = header >> 8
  return block
}

function blocks(bytes: number): Uint8Array {
  return new Uint8Array(3 * Math.ceil(bytes / 3))
}
