/** What the compression scenarios share: bodies that are worth compressing, and clients that decode. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { RawAnswer } from '../../harness/client.ts'

export const codings = ['zstd', 'br', 'gzip'] as const

/** A list in JSON of about so many bytes, different for each seed. */
export function listing(bytes: number, seed = 1): string {
  const items: object[] = []
  for (let length = 0, id = seed; length < bytes; id++) {
    const item = { id, name: `product number ${id * 7919}`, price: (id * 31) % 997, tags: ['new', `t${id % 13}`] }
    items.push(item)
    length += JSON.stringify(item).length + 1
  }
  return JSON.stringify(items)
}

/** Bytes that nothing makes smaller, the same each time. */
export function noise(bytes: number): Buffer {
  const all = Buffer.alloc(bytes)
  let state = 1
  for (let i = 0; i < bytes; i++) {
    state = (state * 48271) % 2147483647
    all[i] = state >> 8
  }
  return all
}

export const json = { 'content-type': 'application/json' }

/** The body as its Content-Encoding says. */
export function decoded(answer: RawAnswer): string {
  return decode(answer.header('content-encoding'), answer.body.bytes).toString('latin1')
}

export function decode(coding: string | undefined, bytes: Buffer): Buffer {
  switch (coding) {
    case undefined:
      return bytes
    case 'gzip':
      return gunzipSync(bytes)
    case 'br':
      return brotliDecompressSync(bytes)
    case 'zstd':
      return zstdDecompressSync(bytes)
    default:
      throw new Error(`no such coding: ${coding}`)
  }
}

export const accept = (field: string): string[] => ['Accept-Encoding', field]
