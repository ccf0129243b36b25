/**
 * What makes a stored answer dangerous although RFC 9111 lets it be stored: requests that mean something else than they say
 * (method override), and pages of one user that were asked for by the name of a static file (cache deception).
 */
import { type HeaderList, headerValue, isNamed } from '../../../core/headers.ts'
import { mayMislead } from '../../../core/identity-fields.ts'
import type { LifetimeSource } from './freshness.ts'

/** Whether the request asks the backend to take it for one with another method, as some frameworks do. */
export function overridesMethod(request: HeaderList): boolean {
  for (let i = 0; i < request.length; i += 2) {
    const name = request[i] as string
    switch (name.length) {
      case 13:
        if (isNamed(name, 'x-http-method')) return true
        break
      case 17:
        if (isNamed(name, 'x-method-override')) return true
        break
      case 22:
        if (isNamed(name, 'x-http-method-override')) return true
        break
      default:
    }
  }
  return false
}

/** Whether a client wrote a field that some backends heed, and that is no part of the key. @param keyed in lower case */
export function hasMisleadingField(request: HeaderList, keyed: readonly string[]): boolean {
  for (let i = 0; i < request.length; i += 2) {
    const name = request[i] as string
    if (mayMislead(name) && !keyed.includes(name.toLowerCase())) return true
  }
  return false
}

/** Names of files that are the same for everybody, as a rule. */
const staticFile =
  /\.(?:css|m?js|png|jpe?g|gif|webp|avif|svg|ico|bmp|tiff?|woff2?|ttf|otf|eot|mp[34]|webm|og[agv]|wav|flac|pdf|zip|gz|7z|rar|exe|dmg|jar|swf|docx?|xlsx?|pptx?|csv)$/i

/** What pages and data of users come as. */
const pageTypes = /^(?:text\/html|application\/xhtml\+xml|application\/(?:[a-z.+-]+\+)?json)(?:[; \t]|$)/i

const ownWords: ReadonlySet<LifetimeSource> = new Set(['s-maxage', 'max-age', 'expires'])

/**
 * Whether an answer is a page although its path ends like a static file, and nobody but the operator's settings or a guess
 * says that it may be kept: /account/x.css, which a careless backend answers as /account.
 */
export function isDeceptive(path: string, response: HeaderList, freshness: LifetimeSource): boolean {
  if (ownWords.has(freshness) || !staticFile.test(path)) return false
  const type = headerValue(response, 'content-type')
  return type !== undefined && pageTypes.test(type.trim())
}
