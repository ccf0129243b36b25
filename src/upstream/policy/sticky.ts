/**
 * Which endpoint a client keeps, and the cookie that says so (RFC 6265). A preference only: an endpoint that can't be
 * used now is not waited for; the client moves, and keeps the new one.
 */
/** kept: the one it has; moved: the one it had is gone or can't be used; new: it has none yet. */
export type StickyReason = 'kept' | 'moved' | 'new'

export interface StickyDecision<E> {
  /** Undefined: let the balancer choose. */
  readonly use: E | undefined
  readonly because: StickyReason
}

/**
 * @param asked the tokens that the client sent. More than one where cookies of other paths or domains have the same name
 * (RFC 6265 §5.4 sends them all, and says nothing about which is whose): one that is no good hides no other.
 */
export function stick<E>(
  asked: readonly string[],
  endpoints: ReadonlyMap<string, E>,
  isUsable: (endpoint: E) => boolean,
): StickyDecision<E> {
  if (asked.length === 0) return { use: undefined, because: 'new' }
  for (const token of asked) {
    const endpoint = endpoints.get(token)
    if (endpoint !== undefined && isUsable(endpoint)) return { use: endpoint, because: 'kept' }
  }
  return { use: undefined, because: 'moved' }
}

export interface CookieRules {
  readonly cookie: string
  readonly path: string
  /** 0: until the browser is closed. */
  readonly ttl: number
  readonly same_site: 'lax' | 'strict' | 'none'
  /** auto: as the client's connection is. */
  readonly secure: boolean | 'auto'
  readonly http_only: boolean
}

/** The Set-Cookie value that has a client keep an endpoint (RFC 6265 §4.1). */
export function setCookie(rules: CookieRules, token: string, isSecure: boolean): string {
  let text = `${rules.cookie}=${token}; Path=${rules.path}`
  if (rules.ttl > 0) text += `; Max-Age=${Math.ceil(rules.ttl / 1000)}`
  if (rules.http_only) text += '; HttpOnly'
  if (rules.secure === true || (rules.secure === 'auto' && isSecure)) text += '; Secure'
  return `${text}; SameSite=${sites[rules.same_site]}`
}

const sites = { lax: 'Lax', strict: 'Strict', none: 'None' } as const

export interface CookieFault {
  readonly key: keyof CookieRules
  readonly message: string
}

/** What browsers would refuse such a cookie for. */
export function cookieFaults(rules: CookieRules): CookieFault[] {
  const faults: CookieFault[] = []
  if (rules.same_site === 'none' && rules.secure !== true) {
    faults.push({ key: 'same_site', message: 'is `none`, which browsers take only with `secure: true`' })
  }
  if (/^__(?:secure|host)-/i.test(rules.cookie) && rules.secure !== true) {
    faults.push({ key: 'cookie', message: 'has a prefix that browsers take only with `secure: true`' })
  }
  if (/^__host-/i.test(rules.cookie) && rules.path !== '/') {
    faults.push({ key: 'cookie', message: 'has the prefix __Host-, which browsers take only with `path: /`' })
  }
  return faults
}
