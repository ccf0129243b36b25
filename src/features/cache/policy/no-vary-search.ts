/**
 * No-Vary-Search: which query parameters make no difference to an answer, as its origin says (HTTP Working Group draft
 * "No-Vary-Search"). The answer then stands for every URL of the same path whose query is the same but for those.
 *
 *   No-Vary-Search: key-order, params=("utm_source" "utm_medium")
 *   No-Vary-Search: params, except=("id")
 */
import { splitList } from '../../../core/fields.ts'

export interface SearchRule {
  /** The rule in a form of its own: equal texts mean equal rules. */
  readonly text: string
  readonly ignoresOrder: boolean
  /** Names that make no difference; or all do but those. */
  readonly ignored: readonly string[] | 'all'
  readonly except: readonly string[]
}

const member = /^(key-order|params|except)(?:=(.*))?$/
const list = /^\((?: *"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*")* *\)$/
const text = /"((?:[^"\\]|\\.)*)"/g

/** The rule of a field value; undefined when it does not parse, or says nothing: then every parameter counts. */
export function parseNoVarySearch(field: string): SearchRule | undefined {
  let ignoresOrder = false
  let ignored: readonly string[] | 'all' = []
  let except: readonly string[] | undefined
  for (const written of splitList(field)) {
    const [, name, value] = member.exec(written) ?? []
    if (name === undefined) return undefined
    if (name === 'key-order') {
      const flag = flagOf(value)
      if (flag === undefined) return undefined
      ignoresOrder = flag
    } else if (name === 'params') {
      const flag = flagOf(value)
      const names = flag === undefined ? namesOf(value) : flag ? 'all' : []
      if (names === undefined) return undefined
      ignored = names
    } else {
      except = namesOf(value)
      if (except === undefined) return undefined
    }
  }
  // Exceptions are from all; from anything else they mean nothing, and the field is malformed.
  if (except !== undefined && ignored !== 'all') return undefined
  if (!ignoresOrder && ignored !== 'all' && ignored.length === 0) return undefined
  const kept = except ?? []
  return { text: JSON.stringify([ignoresOrder, ignored, kept]), ignoresOrder, ignored, except: kept }
}

/** What of a query counts: equal texts mean the same answer. @param query with its `?`, or '' */
export function searchKey(query: string, { ignored, except, ignoresOrder }: SearchRule): string {
  const counts = (name: string) => (ignored === 'all' ? except.includes(name) : !ignored.includes(name))
  // Both sides are compared as forms are decoded: `%20` and `+` are one.
  const kept = [...new URLSearchParams(query)].filter(([name]) => counts(name))
  if (ignoresOrder) kept.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return new URLSearchParams(kept).toString()
}

function flagOf(value: string | undefined): boolean | undefined {
  if (value === undefined || value === '?1') return true
  return value === '?0' ? false : undefined
}

function namesOf(value: string | undefined): readonly string[] | undefined {
  if (value === undefined || !list.test(value)) return undefined
  return [...value.matchAll(text)].map(([, name]) => decoded((name as string).replace(/\\(.)/g, '$1')))
}

/** Names are written as they would be in a query. */
function decoded(name: string): string {
  return [...new URLSearchParams(`${name}=`).keys()][0] ?? ''
}
