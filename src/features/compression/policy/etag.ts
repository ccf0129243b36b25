/**
 * Entity tags of representations that the gateway has made of the origin's (RFC 9110 §8.8.3.3): a strong tag names one
 * sequence of bytes, so each of them gets its own: `"v1"` becomes `"v1~br"`. On the way back the mark is taken off, so
 * that caches and origins see the tag that they gave. Weak tags are the same for all codings and stay as they are.
 */
import { splitList } from '../../../core/fields.ts'

const marked = /^(?:W\/)?"(.*)~([a-z0-9.]+)"$/

/** Names of what the gateway makes: codings, alone or after minifying; `dcb.1f2e3d4c` is relative to a dictionary. */
const ours = /^(?:min|identity|(?:min\.)?(?:zstd|br|gzip|dc[bz]\.[0-9a-f]{8}))$/

/** The tag of a variant, or undefined where it stays as it is. */
export function variantTag(tag: string, variant: string): string | undefined {
  return tag.length >= 2 && tag.startsWith('"') && tag.endsWith('"') ? `${tag.slice(0, -1)}~${variant}"` : undefined
}

/** The origin's tag and the variant's name in a tag of ours; undefined for any other. */
export function parseTag(tag: string): { readonly origin: string; readonly variant: string } | undefined {
  const match = marked.exec(tag)
  if (match === null || !ours.test(match[2] as string)) return undefined
  return { origin: `"${match[1]}"`, variant: match[2] as string }
}

/**
 * If-None-Match or If-Match as the origin understands it: after each tag of ours, the origin's own. Both, since an origin
 * may well have a tag that looks like ours.
 * @param isWanted whether a variant counts: one that this client cannot read must not be confirmed to it with a 304
 */
export function originTags(field: string, isWanted: (variant: string) => boolean): string {
  if (!field.includes('~')) return field
  const tags: string[] = []
  for (const tag of splitList(field)) {
    tags.push(tag)
    const parsed = parseTag(tag)
    if (parsed !== undefined && isWanted(parsed.variant)) tags.push(parsed.origin)
  }
  return tags.join(', ')
}

/**
 * The tag of a 304: of the variant that the client has and that was confirmed to it; undefined where that is the
 * origin's own. Of several, the first by `order`.
 * @param isWanted as for `originTags`
 */
export function confirmedTag(
  ifNoneMatch: string,
  tag: string,
  order: readonly string[],
  isWanted: (variant: string) => boolean,
): string | undefined {
  if (!ifNoneMatch.includes('~') || !tag.startsWith('"')) return undefined
  const tags = splitList(ifNoneMatch)
  const variants = new Set<string>()
  for (const member of tags) {
    const parsed = parseTag(member)
    if (parsed?.origin === tag && isWanted(parsed.variant)) variants.add(parsed.variant)
  }
  const chosen = order.find((variant) => variants.has(variant))
  if (chosen !== undefined) return variantTag(tag, chosen)
  if (tags.includes(tag)) return undefined
  const [first] = variants
  return first === undefined ? undefined : variantTag(tag, first)
}
