/**
 * Compression dictionaries (RFC 9842): a client that still has an earlier version of an object gets the new one as what
 * differs. The gateway remembers, by their hash, the stored objects that it has offered as dictionaries.
 */
import { webcrypto } from 'node:crypto'
import type { Exchange } from '../../core/exchange.ts'
import { type HeaderList, hasHeader, joinedValue } from '../../core/headers.ts'
import type { Log } from '../../core/log.ts'
import { bytesOf, joined } from '../../core/pieces.ts'
import type { Stored } from '../../core/stored.ts'
import type { Change, Dictionary } from './change.ts'
import type { Coding, Negotiated } from './policy/negotiate.ts'

/** Larger ones take long to load into an encoder, and cover what a window no longer reaches. */
const MOST_BYTES = 4 * 1024 * 1024

export class DictionaryStore {
  readonly #budgetBytes: number
  /** By hash, in the form of Available-Dictionary; the least recently used first. */
  readonly #known = new Map<string, Dictionary>()
  readonly #seen = new WeakSet<Stored>()
  #bytes = 0

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @param available the request's Available-Dictionary: a byte sequence of RFC 9651 */
  find(available: string): Dictionary | undefined {
    const found = this.#known.get(available)
    if (found === undefined) return undefined
    this.#known.delete(available)
    this.#known.set(available, found)
    return found
  }

  /** Remembers an object that clients may now hold as a dictionary. The hash is taken off the event loop. */
  async remember(stored: Stored): Promise<void> {
    if (!stored.isWhole || this.#seen.has(stored)) return
    this.#seen.add(stored)
    const total = bytesOf(stored.body)
    if (total === 0 || total > MOST_BYTES || total > this.#budgetBytes) return
    const bytes = joined(stored.body, total) as Uint8Array<ArrayBuffer>
    const sha256 = new Uint8Array(await webcrypto.subtle.digest('SHA-256', bytes))
    const key = `:${Buffer.from(sha256).toString('base64')}:`
    if (this.#known.has(key)) return
    this.#known.set(key, { bytes, sha256, id: Buffer.from(sha256.subarray(0, 4)).toString('hex') })
    this.#bytes += total
    for (const [oldest, { bytes }] of this.#known) {
      if (this.#bytes <= this.#budgetBytes) break
      this.#known.delete(oldest)
      this.#bytes -= bytes.byteLength
    }
  }
}

/** A route's part in it. */
export class RouteDictionaries {
  readonly #store: DictionaryStore
  readonly #match: string | undefined
  readonly #codings: readonly Coding[]
  readonly #log: Log
  readonly #offered = new WeakSet<Stored>()

  /** @param match of Use-As-Dictionary; undefined: each object's own path */
  constructor(store: DictionaryStore, match: string | undefined, codings: readonly Coding[], log: Log) {
    this.#store = store
    this.#match = match === undefined ? undefined : `match="${match}"`
    this.#codings = codings
    this.#log = log
  }

  /** Offers a stored object as a dictionary, and says what to send to a client that has taken up such an offer. */
  change(x: Exchange, headers: HeaderList, negotiated: Negotiated): Change | undefined {
    if (x.stored === undefined) return undefined
    x.stored.take()
    this.#offered.add(x.stored)
    if (!hasHeader(headers, 'use-as-dictionary')) {
      headers.push('Use-As-Dictionary', this.#match ?? `match=${matchOf(x.request.path)}`)
    }
    headers.push('Vary', 'Available-Dictionary')
    const available = joinedValue(x.request.headers, 'available-dictionary')
    const dictionary = available === undefined ? undefined : this.#store.find(available)
    if (dictionary === undefined) return undefined
    const coding = this.#codings.find((coding) => coding !== 'gzip' && negotiated.known.has(relative[coding]))
    if (coding === undefined || coding === 'gzip') return undefined
    return { name: `${relative[coding]}.${dictionary.id}`, decode: undefined, minify: false, coding, dictionary }
  }

  /** Once an answer has gone out, its client may come back with it as a dictionary. */
  finish(x: Exchange): void {
    if (x.stored?.isWhole !== true || x.status !== 200 || !this.#offered.has(x.stored)) return
    this.#store.remember(x.stored).catch((error: unknown) => {
      this.#log.error({ route: x.route.name, error: String(error) }, 'a compression dictionary could not be kept')
    })
  }
}

const relative = { br: 'dcb', zstd: 'dcz' } as const

/** RFC 9842 §4, §5: what stands before the compressed bytes. For zstd it is a skippable frame. */
const starts = { br: [0xff, 0x44, 0x43, 0x42], zstd: [0x5e, 0x2a, 0x4d, 0x18, 0x20, 0, 0, 0] } as const

export function dictionaryHeader(coding: 'br' | 'zstd', { sha256 }: Dictionary): Uint8Array {
  return Uint8Array.from([...starts[coding], ...sha256])
}

/** The `match` of Use-As-Dictionary that fits this path and nothing else, as a string of RFC 9651. */
export function matchOf(path: string): string {
  const pattern = path.replace(/[\\*+?:{}()]/g, '\\$&')
  return `"${pattern.replace(/[\\"]/g, '\\$&')}"`
}
