/**
 * A weighted split: each exchange is sent to one of several upstreams by chance, in proportion to their weights. By
 * chance, and not by turns, so that the shares also hold for each kind of request in a regular mix, and no state is
 * shared between processes. Tries of one exchange stay with its choice.
 */
import type { Random } from '../core/clock.ts'
import type { Handshake, Tunnel, TunnelOwner } from '../core/downstream.ts'
import type { Exchange } from '../core/exchange.ts'
import type { RequestHead } from '../core/message.ts'
import type { Cancel, Origin, Reader } from '../core/origin.ts'

export interface Weighted<T> {
  readonly weight: number
  readonly target: T
}

class Chance<T> {
  readonly #targets: readonly T[]
  /** The sum of the weights up to and with each target. */
  readonly #sums: readonly number[]
  readonly #random: Random

  constructor(choices: readonly Weighted<T>[], random: Random) {
    const possible = choices.filter(({ weight }) => weight > 0)
    if (possible.length === 0) throw new TypeError('a split needs a choice with a weight above 0')
    let sum = 0
    this.#targets = possible.map(({ target }) => target)
    this.#sums = possible.map(({ weight }) => (sum += weight))
    this.#random = random
  }

  next(): T {
    const sums = this.#sums
    const last = sums.length - 1
    const point = this.#random() * (sums[last] as number)
    let i = 0
    while (i < last && point >= (sums[i] as number)) i++
    return this.#targets[i] as T
  }
}

export class Split implements Origin {
  readonly #chance: Chance<Origin>

  constructor(choices: readonly Weighted<Origin>[], random: Random) {
    this.#chance = new Chance(choices, random)
  }

  fetch(x: Exchange, req: RequestHead, to: Reader): Cancel {
    return this.#chance.next().fetch(x, req, to)
  }
}

/** The same for WebSockets. */
export class SplitTunnel implements Tunnel {
  readonly #chance: Chance<Tunnel>

  constructor(choices: readonly Weighted<Tunnel>[], random: Random) {
    this.#chance = new Chance(choices, random)
  }

  open(x: Exchange, req: RequestHead, handshake: Handshake, to: TunnelOwner): Cancel {
    return this.#chance.next().open(x, req, handshake, to)
  }
}
