/**
 * The building blocks of configuration schemas: zod's own, and the quantities an operator writes. One schema gives
 * validation, types, defaults, JSON Schema and the reference page, so every key carries its sentence in `.describe()`.
 * Defaults are written as an operator would (`.prefault('5s')`), never in the code that uses the value.
 */
import { z } from 'zod'
import {
  durationPattern,
  parseDuration,
  parseRate,
  parseShare,
  parseSize,
  type Rate,
  ratePattern,
  sharePattern,
  sizePattern,
} from './units.ts'

export { z } from 'zod'

/** A time such as `250ms`, `5s`, `1m`, `2h`; milliseconds in the parsed configuration. */
export function duration(bounds: { minMs?: number; maxMs?: number } = {}): z.ZodType<number, string> {
  return quantity('duration', durationPattern, parseDuration, ['250ms', '5s', '1m']).check((ctx) => {
    const { minMs = 0, maxMs = Number.POSITIVE_INFINITY } = bounds
    if (ctx.value >= minMs && ctx.value <= maxMs) return
    const limit = ctx.value < minMs ? `at least ${minMs}ms` : `at most ${maxMs}ms`
    ctx.issues.push({ code: 'custom', input: ctx.value, message: `must be ${limit}` })
  })
}

/** A number of bytes such as `64KiB` or `10MB`; bytes in the parsed configuration. */
export function size(): z.ZodType<number, string> {
  return quantity('size', sizePattern, parseSize, ['64KiB', '10MB'])
}

/** Events per time such as `100/s` or `1000/m`. */
export function rate(): z.ZodType<Rate, string> {
  return quantity('rate', ratePattern, parseRate, ['100/s', '1000/m'])
}

/** A part of a whole such as `20%`; 0 to 1 in the parsed configuration. */
export function share(): z.ZodType<number, string> {
  return quantity('share', sharePattern, parseShare, ['20%'])
}

/** A group of keys; unknown ones are errors. */
export function section<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape)
}

/** A policy that is `true` (with all its defaults), `false`, or spelled out. False in the parsed configuration is off. */
export function policy<S extends z.ZodRawShape>(
  shape: S,
): z.ZodType<z.output<z.ZodObject<S, z.core.$strict>> | false, z.input<z.ZodObject<S, z.core.$strict>> | boolean> {
  const spelledOut = z.strictObject(shape)
  return z.union([z.boolean(), spelledOut]).transform((value, ctx) => {
    if (value === false) return false
    if (value !== true) return value
    const defaults = spelledOut.safeParse({})
    if (defaults.success) return defaults.data
    ctx.issues.push({ code: 'custom', input: value, message: 'has keys without a default: spell them out' })
    return z.NEVER
  }) as never
}

/** A name that labels metrics and is referred to: letters, digits, `-`, `_`, `.`. */
export function name(): z.ZodString {
  return z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
    error: 'is not a name: use up to 63 letters, digits, `-`, `_` or `.`, with a letter or digit first',
  })
}

function quantity<T>(
  noun: string,
  pattern: RegExp,
  parse: (text: string) => T | undefined,
  examples: string[],
): z.ZodType<T, string> {
  const written = examples.join(', ')
  return z
    .string({
      error: (issue) =>
        typeof issue.input === 'number'
          ? `is a bare number; a ${noun} needs its unit: write for example ${written}`
          : `is not a ${noun}: write for example ${written}`,
    })
    .regex(pattern, { error: `is not a ${noun}: write for example ${written}` })
    .meta({ examples })
    .transform((text, ctx) => {
      const value = parse(text)
      if (value !== undefined) return value
      ctx.issues.push({ code: 'custom', input: text, message: `is not a ${noun}: write for example ${written}` })
      return z.NEVER
    }) as z.ZodType<T, string>
}
