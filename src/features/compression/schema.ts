/** The `compression` key of a route. */
import { policy, size, z } from '../../config/schema.ts'
import { codings } from './policy/negotiate.ts'
import { MOST_PADDING_BYTES } from './policy/padding.ts'
import { defaultTypes } from './policy/types.ts'

const level = (min: number, max: number) =>
  z
    .int({ error: 'is not a whole number' })
    .min(min, { error: `must be at least ${min}` })
    .max(max, { error: `must be at most ${max}` })

const levelsSchema = z.strictObject({
  zstd: level(1, 19).describe('1 to 19.').default(3),
  br: level(0, 11).describe('0 to 11.').default(4),
  gzip: level(1, 9).describe('1 to 9.').default(5),
})

const shape = {
  encodings: z
    .array(z.enum(codings, { error: `is not one of ${codings.join(', ')}` }))
    .min(1, { error: 'is empty: give at least one, or `compression: false`' })
    .refine((list) => new Set(list).size === list.length, { error: 'names one coding twice' })
    .describe('Content codings, the most wanted first; the client’s weights come before this order.')
    .default(['zstd', 'br', 'gzip']),
  min_size: size()
    .describe('Answers that are known to be smaller stay as they are: they would hardly get smaller.')
    .prefault('1KiB'),
  types: z
    .array(
      z.string().regex(/^[A-Za-z0-9!#$&^_.+*-]+\/[A-Za-z0-9!#$&^_.+*-]+$/, {
        error: 'is not a media type: write for example `text/*`, `application/json` or `*/*+json`',
      }),
    )
    .describe('Media types that are compressed; `*` stands for any part of one.')
    .default([...defaultTypes]),
  level: z
    .union([z.literal('auto'), levelsSchema], { error: 'is neither `auto` nor levels such as `{br: 5}`' })
    .describe('`auto` falls to the fastest level while work queues up; given levels fall in the same way.')
    .default('auto'),
  minify: z
    .boolean()
    .describe('Take insignificant whitespace out of JSON answers; their values stay exactly the same.')
    .default(false),
  dictionaries: policy({
    match: z
      .string()
      .regex(/^\/[\x21\x23-\x5b\x5d-\x7e]*$/, {
        error: 'is not a path pattern: write for example `/static/app.*.js`, where `*` stands for anything',
      })
      .describe('Requests for which clients offer what they have as a dictionary; default: those for the same path.')
      .optional(),
    memory: size().describe('Memory for objects that clients may offer, in all.').prefault('16MiB'),
  })
    .describe('Send clients that have an earlier version of a cached object only what differs (RFC 9842).')
    .default(false),
  padding: size()
    .refine((bytes) => bytes <= MOST_PADDING_BYTES, { error: `must be at most ${MOST_PADDING_BYTES}B` })
    .describe('Add up to so many random bytes to what is compressed for one client alone, against BREACH.')
    .prefault('0B'),
  decompress_requests: policy({
    max_size: size().describe('The most that a body may decompress to; 413 beyond.').prefault('10MB'),
    max_ratio: z
      .int({ error: 'is not a whole number' })
      .min(1, { error: 'must be at least 1' })
      .describe('The most bytes that a byte may become, from 64 KiB on; 413 beyond.')
      .default(100),
  })
    .describe('Take gzip, br and zstd off request bodies, for backends that can’t; 415 for other codings.')
    .default(false),
  max_decoded: size()
    .describe('The most that an answer which comes compressed may grow to when it has to be decompressed.')
    .prefault('64MiB'),
}

export const compressionSchema = policy(shape).describe(
  'Send answers compressed to clients that accept it. `true` chooses codings, types and levels by itself.',
)
export type CompressionConfig = Exclude<z.output<typeof compressionSchema>, false>
