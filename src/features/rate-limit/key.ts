/** What a limit counts by, compiled: out of an exchange, the text that stands for whoever is counted. */

import { cookieText } from '../../core/cookies.ts'
import type { Exchange } from '../../core/exchange.ts'
import { joinedValue } from '../../core/headers.ts'
import type { Tokens } from './jwt.ts'
import { clientKey } from './policy/client-key.ts'

export type KeyOf = (x: Exchange) => string

/** A request that lacks what is asked for is counted by its client's address: nobody escapes by leaving it out. */
export function compileKey(by: string | readonly string[], tokens?: Tokens): KeyOf {
  const sources = typeof by === 'string' ? [by] : by
  const parts = sources.map((source) => part(source, tokens))
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  // Lengths before the texts: "a", "bc" and "ab", "c" differ.
  return (x) => {
    let key = ''
    for (const each of parts) {
      const text = each(x)
      key += `${text.length}:${text}`
    }
    return key
  }
}

function part(source: string, tokens: Tokens | undefined): KeyOf {
  const colon = source.indexOf(':')
  const kind = colon < 0 ? source : source.slice(0, colon)
  const named = source.slice(colon + 1)
  switch (kind) {
    case 'path':
      return (x) => x.request.path
    case 'host':
      return (x) => x.request.host
    case 'route':
      return (x) => x.route.name
    case 'header':
      return orClient(named.toLowerCase(), (x, name) => joinedValue(x.request.headers, name))
    case 'cookie':
      return orClient(named, (x, name) => cookieText(x.request.headers, name))
    case 'query':
      return orClient(named, (x, name) => new URLSearchParams(x.request.query).get(name) ?? undefined)
    case 'jwt':
      return orClient(named, (x, name) => tokens?.claim(x, name))
    default:
      return byClient
  }
}

function orClient(name: string, read: (x: Exchange, name: string) => string | undefined): KeyOf {
  return (x) => {
    const value = read(x, name)
    // Apart from every address.
    return value === undefined || value === '' ? byClient(x) : `=${value}`
  }
}

function byClient(x: Exchange): string {
  return clientKey(x.peer.client)
}
