/** A key whose value is another upstream: the name of one, or a URL in place of it. */
import type { Path, Problem } from '../core/feature.ts'
import { z } from './schema.ts'
import { didYouMean } from './suggest.ts'

const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const url = /^https?:\/\/(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\/?$/

export function upstreamReference(): z.ZodType<string, string> {
  return z
    .string({ error: 'is not an upstream: write the name of one, or a URL' })
    .check((ctx) => {
      const fault = referenceFault(ctx.value)
      if (fault !== undefined) ctx.issues.push({ code: 'custom', input: ctx.value, message: fault })
    })
    .transform((to) => (to.includes('://') ? to.replace(/\/$/, '') : to))
}

function referenceFault(to: string): string | undefined {
  if (to.includes('://'))
    return url.test(to) ? undefined : 'is not a URL that can be used: write for example http://localhost:3000'
  if (name.test(to)) return undefined
  return /[:/]/.test(to)
    ? `is neither an upstream's name nor a URL: did you mean http://${to}?`
    : 'is not an upstream’s name: use letters, digits, `-`, `_` and `.`'
}

/** What is wrong with a reference at `path`, given the upstreams that there are. */
export function danglingReference(to: string, upstreams: readonly string[], path: Path): Problem[] {
  if (to.includes('://') || upstreams.includes(to)) return []
  const close = didYouMean(to, upstreams)
  const fix =
    close === undefined
      ? 'define it under `upstreams:`, or write a URL such as http://localhost:3000'
      : `did you mean "${close}"?`
  return [{ path, message: `there is no upstream "${to}"`, fix }]
}
