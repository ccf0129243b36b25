/**
 * Entity tags of representations that the gateway has made of the origin's (RFC 9110 §8.8.3.3): a strong tag names one
 * sequence of bytes, so each of them gets its own: `"v1"` becomes `"v1~br"`. On the way back the mark is taken off, so
 * that caches and origins see the tag that they gave, and nothing else: some compare the text. Weak tags are the same
 * for all codings and stay as they are. An origin's own tag that looks like one of ours is marked, too, so that every
 * tag that clients have leads back to the one that the origin gave.
 */
const marked = /^(W\/)?"(.*)~([a-z0-9.]+)"$/

/** The mark of the origin's own representation, where its tag would be taken for one of ours. */
export const OWN = 'own'

/** Names of what the gateway makes: codings, alone or after minifying; `dcb.1f2e3d4c` is relative to a dictionary. */
const ours = /^(?:min|identity|own|(?:min\.)?(?:zstd|br|gzip|dc[bz]\.[0-9a-f]{8}))$/

/** RFC 9110 §8.8.3: nothing is escaped in an entity tag. What is no tag is a member up to the next comma. */
const members = /(?:W\/)?"[^"]*"|[^\s,](?:[^,]*[^\s,])?/g

/** The tag of a variant, or undefined where it stays as it is. */
export function variantTag(tag: string, variant: string): string | undefined {
  return tag.length >= 2 && tag.startsWith('"') && tag.endsWith('"') ? `${tag.slice(0, -1)}~${variant}"` : undefined
}

/** What clients are told in place of a tag of the origin's that looks like one of ours; undefined for any other. */
export function toldTag(tag: string): string | undefined {
  return tag.includes('~') && parseTag(tag) !== undefined ? `${tag.slice(0, -1)}~${OWN}"` : undefined
}

export interface ParsedTag {
  /** The origin's tag as a strong one. */
  readonly origin: string
  readonly variant: string
  readonly isWeak: boolean
}

/** The parts of a tag of ours; undefined for any other. */
export function parseTag(tag: string): ParsedTag | undefined {
  const match = marked.exec(tag)
  if (match === null || !ours.test(match[3] as string)) return undefined
  return { origin: `"${match[2]}"`, variant: match[3] as string, isWeak: match[1] !== undefined }
}

/** In which field a tag comes back: If-Match compares strongly, If-None-Match weakly (RFC 9110 §13.1.1, §13.1.2). */
export type Comparison = 'strong' | 'weak'

/**
 * If-None-Match or If-Match as the origin understands it: in place of each tag of ours the origin's own, each once, in
 * the client's order. Empty where nothing is left.
 * @param isWanted whether a variant counts: one that this client cannot read must not be confirmed to it with a 304
 */
export function originTags(field: string, comparison: Comparison, isWanted: (variant: string) => boolean): string {
  if (!field.includes('~')) return field
  const tags = new Set<string>()
  for (const tag of field.match(members) ?? []) {
    const parsed = parseTag(tag)
    if (parsed === undefined) tags.add(tag)
    else if (isWanted(parsed.variant)) tags.add(originTag(parsed, comparison))
  }
  return [...tags].join(', ')
}

/**
 * Only strong tags get marks of codings: a weak one of those was made weak on its way, by a cache that recodes. Where
 * strength doesn't count, the origin gets back what it gave; where it does, what is weak must not become strong.
 */
function originTag({ origin, variant, isWeak }: ParsedTag, comparison: Comparison): string {
  return isWeak && (comparison === 'strong' || variant === OWN) ? `W/${origin}` : origin
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
  const tags: readonly string[] = ifNoneMatch.match(members) ?? []
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
