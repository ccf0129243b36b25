/**
 * What stored answers are labelled with, so that many can be purged by one name: the tags of a configured response field,
 * and cache groups (RFC 9875), which belong to one origin. Labels of both kinds share one index: a group's begins with a
 * line feed, which no tag holds.
 */
import { splitList } from '../../../core/fields.ts'
import { type HeaderList, headerValues } from '../../../core/headers.ts'

/** What one answer may be labelled with: more would let a backend fill the index. RFC 9875 §2 asks for 32 groups at least. */
const MAX_TAGS = 128
const MAX_GROUPS = 64
const MAX_LABEL_LENGTH = 256

/** The labels of an answer. @param tagsField lower case */
export function labelsOf(headers: HeaderList, tagsField: string, authority: string): string[] {
  const labels = new Set<string>()
  for (const line of headerValues(headers, tagsField)) {
    for (const tag of line.split(/[\s,]+/)) {
      if (tag !== '' && tag.length <= MAX_LABEL_LENGTH && labels.size < MAX_TAGS) labels.add(tag)
    }
  }
  const groups = groupNames(headers, 'cache-groups')
  for (const name of groups) labels.add(groupLabel(authority, name)).add(groupLabel('', name))
  return labels.size === 0 ? none : [...labels]
}

/** Shared by all answers without labels. */
const none: string[] = []

/** @param authority the origin that the group belongs to; '' for groups of that name on every origin */
export function groupLabel(authority: string, name: string): string {
  return `\n${authority}\n${name}`
}

/** RFC 9875 §3: groups that the answer to an unsafe request says are no longer true, on its own origin only. */
export function invalidatedGroups(status: number, headers: HeaderList, authority: string): string[] {
  if (status < 200 || status >= 400) return []
  return groupNames(headers, 'cache-group-invalidation').map((name) => groupLabel(authority, name))
}

const quoted = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"(?:\s*;.*)?$/

/** A List of Strings (RFC 9651 §3.1); parameters and members that are no Strings are ignored. */
function groupNames(headers: HeaderList, field: string): string[] {
  const names: string[] = []
  for (const line of headerValues(headers, field)) {
    for (const member of splitList(line)) {
      const name = quoted.exec(member)?.[1]?.replace(/\\(.)/g, '$1')
      if (name === undefined || name.length > MAX_LABEL_LENGTH || names.length >= MAX_GROUPS) continue
      names.push(name)
    }
  }
  return names
}
