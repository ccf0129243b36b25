/**
 * Claims of the JSON Web Token (RFC 7519) that a request carries as a bearer token (RFC 6750 §2.1), to count by: merely
 * read, or verified where the configuration has a key. A token that can't be read or verified has no claims, and its sender
 * is counted by his address: this counts clients, it does not let them in.
 */
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  createLocalJWKSet,
  decodeJwt,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose'
import type { Clock } from '../../core/clock.ts'
import type { Exchange } from '../../core/exchange.ts'
import { joinedValue } from '../../core/headers.ts'
import type { Counter } from '../../core/metrics.ts'
import type { JwtConfig } from './schema.ts'

/** Longer ones are nothing that an issuer gives out. */
const LONGEST_TOKEN = 8192
/** Tokens whose verification is remembered: about as many kilobytes. */
const MOST_TOKENS = 10_000
const REMEMBER_MS = 300_000

type KeySource = KeyObject | ReturnType<typeof createLocalJWKSet>

export interface TokenCounters {
  readonly valid: Counter
  readonly invalid: Counter
}

/** Reads claims; verifies first where it is told how. */
export class Tokens {
  readonly #key: KeySource | undefined
  readonly #options: JWTVerifyOptions
  readonly #clock: Clock
  readonly #counters: TokenCounters
  readonly #known = new Map<string, { claims: JWTPayload | undefined; untilMs: number }>()

  /** @throws Error when a key file can't be read or holds no key */
  constructor(config: JwtConfig | undefined, clock: Clock, counters: TokenCounters) {
    this.#key = config === undefined ? undefined : keyOf(config)
    this.#clock = clock
    this.#counters = counters
    const { algorithms, issuer, audience } = config ?? {}
    this.#options = {
      algorithms: algorithms ?? (config?.secret === undefined ? asymmetric : ['HS256']),
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    }
  }

  /** The text of a claim, or undefined: without a token, without the claim, or when it is no text, number or truth value. */
  claim(x: Exchange, name: string): string | undefined {
    const token = tokenOf(x)
    if (token === undefined) return undefined
    const claims = this.#key === undefined ? unverified(token) : this.#known.get(token)?.claims
    const value = claims !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : undefined
  }

  /** Verifies the token of a request, so that `claim` knows it; undefined when there is nothing to wait for. */
  verify(x: Exchange): Promise<void> | undefined {
    if (this.#key === undefined) return undefined
    const token = tokenOf(x)
    if (token === undefined) return undefined
    const nowMs = this.#clock.wall()
    const known = this.#known.get(token)
    if (known !== undefined && known.untilMs > nowMs) return undefined
    this.#known.delete(token)
    return this.#verify(this.#key, token, nowMs)
  }

  async #verify(key: KeySource, token: string, nowMs: number): Promise<void> {
    const options = { ...this.#options, currentDate: new Date(nowMs) }
    const verified = typeof key === 'function' ? jwtVerify(token, key, options) : jwtVerify(token, key, options)
    const claims = await verified.then(
      ({ payload }) => payload,
      () => undefined,
    )
    ;(claims === undefined ? this.#counters.invalid : this.#counters.valid).value++
    const expiresMs = claims?.exp === undefined ? Number.POSITIVE_INFINITY : claims.exp * 1000
    this.#known.set(token, { claims, untilMs: Math.min(nowMs + REMEMBER_MS, expiresMs) })
    if (this.#known.size <= MOST_TOKENS) return
    const oldest = this.#known.keys().next()
    if (oldest.done !== true) this.#known.delete(oldest.value)
  }
}

const asymmetric = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** The key to verify with. @throws Error with what is wrong with a file */
export function keyOf({ secret, public_key: publicKey, jwks }: JwtConfig): KeySource | undefined {
  if (secret !== undefined) return createSecretKey(Buffer.from(secret))
  if (publicKey !== undefined) return createPublicKey(readFileSync(publicKey))
  if (jwks !== undefined) return createLocalJWKSet(JSON.parse(readFileSync(jwks, 'utf8')) as JSONWebKeySet)
  return undefined
}

function tokenOf({ request }: Exchange): string | undefined {
  const field = joinedValue(request.headers, 'authorization')
  if (field === undefined || field.length > LONGEST_TOKEN || !/^bearer /i.test(field)) return undefined
  return field.slice(7).trim()
}

function unverified(token: string): JWTPayload | undefined {
  try {
    return decodeJwt(token)
  } catch {
    return undefined
  }
}
