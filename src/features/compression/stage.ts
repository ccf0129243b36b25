/**
 * Decides for each answer what form it goes out in, describes it so in the head, and sees to the body: kept beside the
 * cached object, made on the spot, or made on its way by a filter.
 */
import type { BodyFilter } from '../../core/body.ts'
import type { Random } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import { type HeaderList, isNamed, joinedValue } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { Pressure } from '../../core/pressure.ts'
import type { Stage } from '../../core/stage.ts'
import type { Stored } from '../../core/stored.ts'
import { type Change, contentCoding } from './change.ts'
import type { RouteDictionaries } from './dictionaries.ts'
import { Encoding } from './encoding.ts'
import type { Gate } from './gate.ts'
import type { CompressionCounts } from './metrics.ts'
import { effortNow, fastLevels, hasRoom, type Levels } from './policy/effort.ts'
import { describe, type Facts, factsOf, mayVary, type Rules, type Skip, skipReason } from './policy/eligible.ts'
import { confirmedTag, toldTag, variantTag } from './policy/etag.ts'
import { isJson } from './policy/minify.ts'
import { accepts, type Coding, codings, type Negotiated } from './policy/negotiate.ts'
import { codingsToRemove } from './policy/request-codings.ts'
import { mediaType } from './policy/types.ts'
import { type Making, memoryOf, recipe } from './recipe.ts'
import { DecodedBody, type DecodingLimits } from './request-body.ts'
import { isFixed, isReadable } from './uncoded.ts'
import { LOOK_EVERY_HITS, useless, type Variants } from './variants.ts'

/** A route's `compression` settings, compiled. */
export interface CompressionRules extends Rules {
  readonly levels: Levels
  readonly minify: boolean
  readonly maxDecodedBytes: number
  /** The most padding that an answer gets. */
  readonly paddingBytes: number
  /** For request bodies; undefined where they go on as they are. */
  readonly decoding: DecodingLimits | undefined
}

/** What all routes of a gateway share. */
export interface CompressionState {
  readonly gate: Gate
  readonly variants: Variants
}

export interface Services {
  readonly state: CompressionState
  readonly pressure: Pressure
  readonly counts: CompressionCounts
  readonly negotiated: (x: Exchange) => Negotiated
  readonly random: Random
  readonly dictionaries: RouteDictionaries | undefined
}

export class CompressionStage implements Stage {
  readonly name = 'compression'
  readonly #rules: CompressionRules
  readonly #state: CompressionState
  readonly #pressure: Pressure
  readonly #counts: CompressionCounts
  readonly #negotiated: (x: Exchange) => Negotiated
  readonly #random: Random
  readonly #dictionaries: RouteDictionaries | undefined
  readonly send?: (x: Exchange, req: RequestHead) => RequestHead
  readonly finish?: (x: Exchange) => void

  constructor(rules: CompressionRules, services: Services) {
    this.#rules = rules
    this.#state = services.state
    this.#pressure = services.pressure
    this.#counts = services.counts
    this.#negotiated = services.negotiated
    this.#random = services.random
    const { decoding } = rules
    const { dictionaries } = services
    this.#dictionaries = dictionaries
    if (decoding !== undefined) this.send = (_x, req) => this.#decode(req, decoding)
    if (dictionaries !== undefined) this.finish = (x) => dictionaries.finish(x)
  }

  #decode(req: RequestHead, decoding: DecodingLimits): RequestHead {
    if (req.body === null) return req
    const removed = codingsToRemove(joinedValue(req.headers, 'content-encoding'))
    if (removed === undefined) {
      // RFC 9110 §12.5.3: tells the client what it could have sent.
      throw new GatewayError('unsupported_encoding', '', ['Accept-Encoding', codings.join(', ')])
    }
    if (removed.length === 0) return req
    describe(req.headers, { coding: undefined, etag: undefined, lengthBytes: undefined })
    return { ...req, body: new DecodedBody(req.body, removed, decoding) }
  }

  deliver(x: Exchange, { status, headers }: ResponseHead): BodyFilter | undefined {
    const facts = factsOf(headers)
    const filter = this.#deliver(x, status, headers, facts)
    const told = facts.etag === undefined ? undefined : toldTag(facts.etag)
    if (told !== undefined) replaceTag(headers, facts.etag, told)
    return filter
  }

  #deliver(x: Exchange, status: number, headers: HeaderList, facts: Facts): BodyFilter | undefined {
    if (status === 304) {
      this.#confirm(x, headers, facts)
      return undefined
    }
    const negotiated = this.#negotiated(x)
    const skip = this.#skip(status, facts, negotiated)
    const came = skip === 'encoded' ? codings.find((coding) => coding === facts.coding) : undefined
    if (skip !== undefined && came === undefined) {
      this.#counts.skipped(skip)
      if (mayVary(status, facts, this.#rules)) varyByCoding(headers, facts)
      return undefined
    }
    varyByCoding(headers, facts)
    if (isFixed(x.request.headers)) return this.#pass('no-transform')
    if (came !== undefined) return this.#recode(x, headers, facts, came, negotiated)
    const coding = negotiated.accepted[0]
    const minify = this.#rules.minify && isJson(facts.type as string)
    // With minify, clients hold something else than what is stored.
    const relative = minify ? undefined : this.#dictionaries?.change(x, headers, negotiated)
    if (relative !== undefined) return this.#change(x, headers, facts, relative)
    if (coding === undefined && !minify) return this.#pass('not-accepted')
    return this.#change(x, headers, facts, this.#changeOf(coding, minify))
  }

  /** An answer that came in a coding although none was asked for: better in another where it is kept, or none. */
  #recode(
    x: Exchange,
    headers: HeaderList,
    facts: Facts,
    came: Coding,
    negotiated: Negotiated,
  ): BodyFilter | undefined {
    const best = negotiated.accepted[0]
    const isReadable = accepts(negotiated, came)
    if (!isReadable && facts.lengthBytes === 0) return this.#strip(x, headers, facts)
    if (isReadable && (best === came || best === undefined || x.stored === undefined)) return this.#pass('encoded')
    const name = best ?? 'identity'
    const change = { name, coding: best, minify: false, decode: came, dictionary: undefined }
    return this.#change(x, headers, facts, change)
  }

  /** Without content, an answer in a coding that the client doesn't take needs no decoder: only its head says so. */
  #strip(x: Exchange, headers: HeaderList, facts: Facts): undefined {
    const change = { name: 'identity', coding: undefined, minify: false, decode: undefined, dictionary: undefined }
    describe(headers, form(x, change, facts, 0))
    this.#counts.answered(change.name, 'normal')
  }

  #skip(status: number, facts: Facts, negotiated: Negotiated): Skip | undefined {
    const skip = skipReason(status, facts, this.#rules)
    // RFC 9110 §12.5.3: who refuses identity gets a coding even where it doesn't pay.
    const isWanted = negotiated.refusesIdentity && negotiated.accepted.length > 0 && facts.lengthBytes !== 0
    if (!isWanted || !isChoice(skip, facts)) return skip
    // One that has a coding already must not get a second one under the name of one.
    return facts.coding === undefined ? undefined : 'encoded'
  }

  #pass(skip: Skip): undefined {
    this.#counts.skipped(skip)
  }

  #changeOf(coding: Coding | undefined, minify: boolean): Change {
    const name = minify ? (coding === undefined ? 'min' : `min.${coding}`) : (coding as string)
    return { name, coding, minify, decode: undefined, dictionary: undefined }
  }

  #change(x: Exchange, headers: HeaderList, facts: Facts, change: Change): BodyFilter | undefined {
    const { stored } = x
    const kept = stored?.variant(change.name)
    if (stored !== undefined && kept !== undefined) return this.#give(x, headers, facts, change, stored, kept)
    const { gate, variants } = this.#state
    const effort = effortNow(gate.waiting, gate.limit, this.#pressure.level)
    const levels = effort === 'normal' ? this.#rules.levels : fastLevels
    const making = this.#making(change, facts, levels, stored !== undefined)
    const isBusy = effort === 'none' || !hasRoom(gate.openBytes, memoryOf(making), making.isEndless)
    // What the client can't read is changed at any price.
    if (isBusy && change.decode === undefined) return this.#pass('busy')
    const made = (bytesIn: number, bytesOut: number) => this.#counts.made(change.name, bytesIn, bytesOut)
    const now = stored?.isWhole === true ? variants.now(stored, making, made) : undefined
    if (now === useless) return this.#pass('incompressible')
    describe(headers, form(x, change, facts, now?.byteLength))
    this.#counts.answered(change.name, effort === 'normal' ? 'normal' : 'fast')
    x.instead = now
    if (now !== undefined || x.request.method === 'HEAD') return undefined
    if (stored !== undefined) return variants.share(stored, making, made).join()
    const events = { made, over: () => {} }
    return new Encoding(recipe(making), gate, events, 0).join()
  }

  /** From what is kept beside the stored object. */
  #give(x: Exchange, headers: HeaderList, facts: Facts, change: Change, stored: Stored, kept: Uint8Array): undefined {
    if (kept === useless) return this.#pass('incompressible')
    describe(headers, form(x, change, facts, kept.byteLength))
    this.#counts.answered(change.name, 'kept')
    x.instead = kept
    if (stored.hits % LOOK_EVERY_HITS !== 0) return undefined
    this.#state.variants.hit(stored, this.#making(change, facts, this.#rules.levels, true), (bytesIn, bytesOut) =>
      this.#counts.made(change.name, bytesIn, bytesOut),
    )
  }

  #making(change: Change, facts: Facts, levels: Levels, isShared: boolean): Making {
    return {
      change,
      level: change.coding === undefined ? 0 : levels[change.coding],
      lengthBytes: facts.lengthBytes,
      // A body of known length was made before it was sent; one that is made as it is sent may pause for long.
      flushes: facts.lengthBytes === undefined,
      isEndless: facts.type !== undefined && mediaType(facts.type) === 'text/event-stream',
      maxDecodedBytes: this.#rules.maxDecodedBytes,
      // What a cache gives to everyone holds nothing of anyone.
      paddingBytes:
        this.#rules.paddingBytes === 0 || isShared ? 0 : 1 + Math.floor(this.#random() * this.#rules.paddingBytes),
    }
  }

  /** A 304 names the representation that the client has (RFC 9110 §15.4.5). */
  #confirm(x: Exchange, headers: HeaderList, facts: Facts): void {
    if (mayVary(304, facts, this.#rules)) varyByCoding(headers, facts)
    const condition = joinedValue(x.request.headers, 'if-none-match')
    if (condition === undefined || facts.etag === undefined || isFixed(x.request.headers)) return
    const negotiated = this.#negotiated(x)
    const order = negotiated.accepted.flatMap((coding) => [coding, `min.${coding}`])
    const tag = confirmedTag(condition, facts.etag, order, (variant) => isReadable(variant, negotiated))
    if (tag === undefined) return
    // What the backend may say of its own bytes is not true of those that the client has.
    if (tag !== toldTag(facts.etag)) describe(headers, { coding: undefined, etag: tag, lengthBytes: undefined })
    varyByCoding(headers, facts)
  }
}

function replaceTag(headers: HeaderList, before: string | undefined, tag: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i + 1] === before && isNamed(headers[i] as string, 'etag')) headers[i + 1] = tag
  }
}

function form({ request }: Exchange, change: Change, { etag }: Facts, lengthBytes: number | undefined) {
  // RFC 9110 §8.8.3: answers to other methods carry the tag of something else than their own body.
  const isOwn = request.method === 'GET' || request.method === 'HEAD'
  const tag = isOwn && etag !== undefined ? variantTag(etag, change.name) : undefined
  return { coding: contentCoding(change), etag: tag, lengthBytes }
}

/** Whether it is left alone because it doesn't pay, rather than because it must be. gRPC has compression of its own. */
function isChoice(skip: Skip | undefined, { type }: Facts): boolean {
  return skip === 'size' || (skip === 'type' && (type === undefined || !mediaType(type).startsWith('application/grpc')))
}

/**
 * Says that another client may get another answer. Not said of what is left alone because it doesn't pay: only who
 * refuses identity gets a coding of that, and whoever else gets it as it is can read it, also out of a cache on the way.
 */
function varyByCoding(headers: HeaderList, facts: Facts): void {
  if (facts.variesByCoding) return
  facts.variesByCoding = true
  headers.push('Vary', 'Accept-Encoding')
}

/** The client's Accept-Encoding. */
export function acceptEncoding(x: Exchange): string | undefined {
  return joinedValue(x.request.headers, 'accept-encoding')
}
