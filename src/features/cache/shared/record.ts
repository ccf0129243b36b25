/**
 * Stored answers as bytes for the shared tier: a mark, a version, a checksum, then the answer as JSON and its body. What
 * does not read back exactly is nothing: other versions of the gateway, other programs and broken values are all met here.
 *
 *   'g' 'w' | version u8 | kind u8 | crc32 of the rest u32 | JSON length u32 | JSON | body
 */
import { crc32 } from 'node:zlib'
import type { Directives } from '../policy/directives.ts'
import { responseDirectives } from '../policy/directives.ts'
import type { Position } from '../policy/purge-log.ts'
import type { NewAnswer } from '../store/memory.ts'
import { StoredBody } from '../store/stored-body.ts'

const MARK = 0x6777
/** Another form of the record, or another meaning of what it holds, is another version. */
const VERSION = 1
const OBJECT = 1
const VARY = 2
const HEAD_BYTES = 12
const CRC_AT = 4

export type SharedRecord =
  | { readonly kind: 'object'; readonly answer: NewAnswer; readonly position: Position }
  /** The resource's answers vary by these request fields: look among the variants. */
  | { readonly kind: 'vary'; readonly names: readonly string[] }

export function encodeAnswer(answer: NewAnswer, body: readonly Uint8Array[], position: Position): Buffer {
  const kept = Object.fromEntries(Object.entries(answer).filter(([name]) => !local.has(name)))
  return encode(OBJECT, { ...kept, position }, body)
}

export function encodeVary(names: readonly string[]): Buffer {
  return encode(VARY, { names }, [])
}

/** Undefined where the bytes are no record of ours. */
export function decode(bytes: Buffer): SharedRecord | undefined {
  if (bytes.byteLength < HEAD_BYTES || bytes.readUInt16BE(0) !== MARK || bytes[2] !== VERSION) return undefined
  const bodyAt = HEAD_BYTES + bytes.readUInt32BE(8)
  if (bodyAt > bytes.byteLength || crc32(bytes.subarray(CRC_AT + 4)) !== bytes.readUInt32BE(CRC_AT)) return undefined
  const value = jsonOf(bytes.toString('utf8', HEAD_BYTES, bodyAt))
  if (value === undefined) return undefined
  if (bytes[3] === VARY) return isTexts(value.names) ? { kind: 'vary', names: value.names } : undefined
  if (bytes[3] !== OBJECT || !isAnswer(value) || value.bodyBytes !== bytes.byteLength - bodyAt) return undefined
  const { position, ...answer } = value
  // A copy: the bytes are a window into a read buffer that would live as long as the stored answer.
  const body = answer.bodyBytes === 0 ? [] : [Uint8Array.prototype.slice.call(bytes, bodyAt)]
  const directives: Directives = responseDirectives(answer.headers).directives
  const shared = new StoredBody(body, true)
  return { kind: 'object', answer: { ...answer, trailers: answer.trailers, directives, shared }, position }
}

function encode(kind: number, value: object, body: readonly Uint8Array[]): Buffer {
  const json = Buffer.from(JSON.stringify(value))
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt16BE(MARK, 0)
  head[2] = VERSION
  head[3] = kind
  head.writeUInt32BE(json.byteLength, 8)
  const whole = Buffer.concat([head, json, ...body])
  whole.writeUInt32BE(crc32(whole.subarray(CRC_AT + 4)), CRC_AT)
  return whole
}

/** What is written otherwise, or belongs to the answer's place in memory. */
const local = new Set(['shared', 'directives', 'id', 'bytes', 'uses', 'queue', 'before', 'behind'])

type Written = Omit<NewAnswer, 'shared' | 'directives'> & { readonly position: Position }

function isAnswer(value: Record<string, unknown>): value is Record<string, unknown> & Written {
  const position = value.position as Partial<Position> | undefined
  const texts = ['key', 'partition', 'reason', 'selecting'] as const
  const numbers = ['status', 'bodyBytes', 'lifetimeMs', 'initialAgeMs', 'receivedAtMs', 'fetchMs'] as const
  return (
    texts.every((name) => typeof value[name] === 'string') &&
    numbers.every((name) => typeof value[name] === 'number' && value[name] >= 0) &&
    [value.headers, value.varyNames, value.tags].every(isTexts) &&
    (value.headers as string[]).length % 2 === 0 &&
    (value.trailers === undefined || isTexts(value.trailers)) &&
    typeof value.isInvalidated === 'boolean' &&
    typeof position?.epoch === 'string' &&
    typeof position.seq === 'number'
  )
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}

function jsonOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
