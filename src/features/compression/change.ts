/** In what form a body goes out, compared with what the origin sent. */
import type { Coding } from './policy/negotiate.ts'

export interface Dictionary {
  readonly bytes: Uint8Array
  readonly sha256: Uint8Array
  /** The start of the hash in hex: part of variants' names. */
  readonly id: string
}

export interface Change {
  /** Its name beside a stored object, and in entity tags: `br`, `min.br`, `identity`. */
  readonly name: string
  /** The coding that it is taken out of. */
  readonly decode: Coding | undefined
  readonly minify: boolean
  /** The coding that it gets. */
  readonly coding: Coding | undefined
  /** What it is relative to; for br and zstd only. */
  readonly dictionary: Dictionary | undefined
}

/** The name of the coding that it gets, as in Content-Encoding. */
export function contentCoding({ coding, dictionary }: Change): string | undefined {
  if (dictionary === undefined) return coding
  return coding === 'br' ? 'dcb' : 'dcz'
}
