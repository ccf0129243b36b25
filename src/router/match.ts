/** The conditions of one route, compiled. All must hold; each can also say in words why it does not (explain.ts). */
import { joinedValue } from '../core/headers.ts'
import type { RequestHead } from '../core/message.ts'
import { accepts, acceptsParameter, type Condition, hasParameter, parseCondition } from './condition.ts'
import { anyPath, type HostPattern, matchesHost, type PathPattern, parseHost, parsePath } from './pattern.ts'
import type { MatchConfig } from './schema.ts'

export class Matcher {
  /** Empty: every host. */
  readonly hosts: readonly HostPattern[]
  readonly path: PathPattern
  /** Empty: every method. */
  readonly methods: readonly string[]
  readonly headers: readonly Condition[]
  readonly query: readonly Condition[]

  constructor(match: MatchConfig) {
    this.hosts = match.host.map((text) => checked(parseHost(text)))
    this.path = match.path === undefined ? anyPath : checked(parsePath(match.path))
    this.methods = match.methods
    this.headers = conditions(match.headers, (name) => name.toLowerCase())
    this.query = conditions(match.query, (name) => name)
  }

  /** Every condition but the host, which the index has settled. */
  matches(req: RequestHead): boolean {
    return this.path.matches(req.path) && this.#matchesRest(req)
  }

  #matchesRest(req: RequestHead): boolean {
    const { methods, headers, query } = this
    if (methods.length > 0 && !methods.includes(req.method)) return false
    for (let i = 0; i < headers.length; i++) {
      const condition = headers[i] as Condition
      const value = joinedValue(req.headers, condition.name)
      if (value === undefined || !accepts(condition, value)) return false
    }
    for (let i = 0; i < query.length; i++) {
      if (!acceptsParameter(query[i] as Condition, req.query)) return false
    }
    return true
  }

  /** The first condition that does not hold, in words; undefined when all do. */
  failure(req: RequestHead): string | undefined {
    const { hosts, methods } = this
    if (hosts.length > 0 && !hosts.some((host) => matchesHost(host, req.host))) {
      return `host ${req.host} is not ${hosts.map((host) => host.text).join(' or ')}`
    }
    if (!this.path.matches(req.path)) return `path ${req.path} ${verdict(this.path.text)}`
    if (methods.length > 0 && !methods.includes(req.method))
      return `method ${req.method} is not ${methods.join(' or ')}`
    return this.#headerFailure(req) ?? this.#queryFailure(req)
  }

  #headerFailure(req: RequestHead): string | undefined {
    for (const condition of this.headers) {
      const value = joinedValue(req.headers, condition.name)
      if (value === undefined) return `header ${condition.name} is absent`
      if (!accepts(condition, value))
        return `header ${condition.name} ${JSON.stringify(value)} ${verdict(condition.text)}`
    }
    return undefined
  }

  #queryFailure(req: RequestHead): string | undefined {
    for (const condition of this.query) {
      if (acceptsParameter(condition, req.query)) continue
      if (!hasParameter(req.query, condition.name)) return `query parameter ${condition.name} is absent`
      return `query parameter ${condition.name} ${verdict(condition.text)}`
    }
    return undefined
  }
}

function verdict(pattern: string): string {
  return pattern.startsWith('~') ? `does not match ${pattern.slice(1)}` : `is not ${pattern}`
}

function conditions(written: Readonly<Record<string, string>>, named: (name: string) => string): Condition[] {
  return Object.entries(written).map(([name, text]) => checked(parseCondition(named(name), text)))
}

/** Matches come from a checked configuration; for embedders that skip the check it must still not go unseen. */
function checked<T extends object>(parsed: T | string): T {
  if (typeof parsed === 'string') throw new TypeError(`a route's match ${parsed}`)
  return parsed
}
