/**
 * Malformed and ambiguous requests, as bytes, with what a proxy owes its backends for each. `refused`: a 4xx, the
 * connection closed, nothing passed on. `broken`: the header section is fine but the content is not, so a backend may
 * have seen its beginning but never its end; the client gets a 4xx or sees the connection close. `served`: read in one
 * way, exactly once, though it looks odd.
 */
import type { Row } from './request-bytes.ts'
import { contents, odd } from './request-contents.ts'
import { fields, framing, upgrades } from './request-fields.ts'
import { hosts, paths, startLines, targets } from './request-lines.ts'

export interface RequestCase {
  readonly name: string
  /** A character a byte. */
  readonly bytes: string
  readonly expected: 'refused' | 'broken' | 'served'
  /** What goes wrong where it is let pass: a rule, an attack, an advisory. */
  readonly why: string
}

const rows = (list: Row[], expected: RequestCase['expected']): RequestCase[] =>
  list.map(([name, bytes, why]) => ({ name, bytes, expected, why }))

export const requestCases: readonly RequestCase[] = [
  ...rows([...startLines, ...targets, ...paths, ...hosts, ...fields, ...framing, ...upgrades], 'refused'),
  ...rows(contents, 'broken'),
  ...rows(odd, 'served'),
]
