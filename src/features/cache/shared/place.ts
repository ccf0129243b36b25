/** Where things are in Redis. Keys of one resource share the part in braces, so that a cluster keeps them together. */
import { createHash } from 'node:crypto'
import type { Lookup } from '../contract.ts'

export interface Place {
  /** The resource: a hash with a field per variant. */
  readonly object: string
  /** Counts its purges while fetches that began before may still end. */
  readonly version: string
  readonly lock: string
  /** Tells fetches apart in messages. */
  readonly name: string
  /** The field of what does not vary, or of the marker that says by what it does. */
  readonly field: string
}

export function placeOf(prefix: string, { key, partition, fillKey }: Lookup): Place {
  const object = objectKey(prefix, key)
  const name = digest(fillKey)
  return { object, version: versionKey(object), lock: `${object}:l:${name}`, name, field: digest(partition) }
}

/** The field of a variant. @param selecting what the request says in the fields by which answers vary */
export function variantField({ partition }: Lookup, selecting: string): string {
  return digest(`${partition}\n\n${selecting}`)
}

export function objectKey(prefix: string, key: string): string {
  return `${prefix}cache:{${digest(key)}}`
}

export function versionKey(object: string): string {
  return `${object}:v`
}

function digest(text: string): string {
  return createHash('sha1').update(text).digest('base64url')
}
