/**
 * Encodings of stored objects: each is made once, shared by those who ask meanwhile, kept beside the object, and made
 * again at the best level in the background once the object has proved to be asked for.
 */

import { bytesOf, joined } from '../../core/pieces.ts'
import { NO_EXTRAS, type Pressure } from '../../core/pressure.ts'
import type { Stored } from '../../core/stored.ts'
import type { Change } from './change.ts'
import { Encoding, type EncodingEvents } from './encoding.ts'
import { Gate } from './gate.ts'
import { bestLevels } from './policy/effort.ts'
import { type Making, recipe } from './recipe.ts'

/** Kept in place of an encoding that came out no smaller than the body: no use to make it again. */
export const useless = new Uint8Array(0)

/** Times that an object is served between two looks at whether it deserves the best level. */
export const LOOK_EVERY_HITS = 10
/** Brotli's best level takes 2 s for 1 MB. Larger bodies get the next best, which is ten times faster. */
const BEST_BROTLI_BYTES = 2 * 1024 * 1024
const NEXT_BROTLI_LEVEL = 9
const MAX_UPGRADES_WAITING = 64
/** Larger results are not shared and not kept. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024

/** What came of making an encoding, for metrics. */
export type Made = (bytesIn: number, bytesOut: number) => void

export class Variants {
  readonly #gate: Gate
  readonly #pressure: Pressure
  readonly #background = new Gate(1)
  readonly #underWay = new WeakMap<Stored, Map<string, Encoding>>()
  readonly #upgraded = new WeakMap<Stored, Set<string>>()
  readonly #upgrades = new Set<Encoding>()

  constructor(gate: Gate, pressure: Pressure) {
    this.#gate = gate
    this.#pressure = pressure
  }

  /** The encoding that is being made of this object, or a new one. */
  share(stored: Stored, making: Making, made: Made): Encoding {
    const { name } = making.change
    let encodings = this.#underWay.get(stored)
    const existing = encodings?.get(name)
    if (existing?.isJoinable) return existing
    if (encodings === undefined) {
      encodings = new Map()
      this.#underWay.set(stored, encodings)
    }
    const all = encodings
    const events: EncodingEvents = {
      made: (bytesIn, bytesOut, whole) => {
        made(bytesIn, bytesOut)
        if (whole !== undefined) keep(stored, making.change, whole, bytesIn)
      },
      over: () => {
        if (all.get(name) === encoding) all.delete(name)
      },
    }
    const encoding = new Encoding(recipe(making), this.#gate, events, MAX_KEPT_BYTES)
    encodings.set(name, encoding)
    return encoding
  }

  /** Makes the encoding of a small whole object on the spot, and keeps it; undefined where that would take too long. */
  now(stored: Stored, making: Making, made: Made): Uint8Array | undefined {
    const { now, nowBytes } = recipe(making)
    const { body } = stored
    const bytes = bytesOf(body)
    if (now === undefined || bytes > nowBytes) return undefined
    const whole = now(joined(body, bytes))
    made(bytes, whole.byteLength)
    return keep(stored, making.change, whole, bytes)
  }

  /** Called on hits that are answered with a kept encoding, every LOOK_EVERY_HITS. */
  hit(stored: Stored, making: Making, made: Made): void {
    if (!stored.isWhole || making.change.coding === undefined) return
    const { name } = making.change
    const upgraded = this.#upgraded.get(stored) ?? new Set()
    if (upgraded.has(name)) return
    const isBusy = this.#pressure.level >= NO_EXTRAS || this.#gate.waiting > 0
    if (isBusy || this.#background.waiting >= MAX_UPGRADES_WAITING) return
    this.#upgraded.set(stored, upgraded.add(name))
    this.#upgrade(stored, making, made)
  }

  /** Ends what goes on in the background: a process that shuts down does not wait for it. */
  stop(): void {
    for (const encoding of [...this.#upgrades]) encoding.giveUp()
  }

  #upgrade(stored: Stored, making: Making, made: Made): void {
    const { change } = making
    const { body } = stored
    const bytes = bytesOf(body)
    const level = bestLevel(change, bytes)
    const events: EncodingEvents = {
      made: (bytesIn, bytesOut, whole) => {
        made(bytesIn, bytesOut)
        const before = stored.variant(change.name)
        if (whole === undefined || before === undefined || whole.byteLength >= before.byteLength) return
        stored.keep(change.name, whole)
      },
      over: () => this.#upgrades.delete(encoding),
    }
    const steps = { ...recipe({ ...making, level, lengthBytes: bytes, flushes: false }), nowBytes: 0 }
    const encoding = new Encoding(steps, this.#background, events, MAX_KEPT_BYTES)
    this.#upgrades.add(encoding)
    let at = 0
    for (const piece of body) {
      encoding.offer(at, piece)
      at += piece.byteLength
    }
    encoding.inputOver()
  }
}

function bestLevel({ coding }: Change, bytes: number): number {
  if (coding === undefined) return 0
  return coding === 'br' && bytes > BEST_BROTLI_BYTES ? NEXT_BROTLI_LEVEL : bestLevels[coding]
}

function keep(stored: Stored, { name, decode }: Change, whole: Uint8Array, bodyBytes: number): Uint8Array {
  const isUseless = decode === undefined && whole.byteLength >= bodyBytes
  stored.keep(name, isUseless ? useless : whole)
  return isUseless ? useless : whole
}
