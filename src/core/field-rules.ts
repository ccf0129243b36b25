/**
 * Which header fields an operator may set, add or remove: what frames a message or belongs to one connection is the
 * gateway's own business (RFC 9110 §7.6.1, RFC 9112 §6), since a wrong one opens the door to request smuggling.
 */

const framing = 'frames the message: the gateway sets it from the body'
const connection = 'belongs to one connection: the gateway sets it for each side'

const reserved: Readonly<Record<string, string>> = {
  'content-length': framing,
  'transfer-encoding': framing,
  trailer: framing,
  connection,
  'keep-alive': connection,
  'proxy-connection': connection,
  'proxy-authenticate': connection,
  'proxy-authorization': connection,
  te: connection,
  upgrade: 'belongs to one connection: WebSockets are tunnelled without it',
}

const reservedInRequests: Readonly<Record<string, string>> = {
  host: 'decides the site that is asked for: use `rewrite: {host: …}`',
  expect: 'is answered by the gateway itself',
}

/** Why a field can't be edited, as the end of a sentence about it; undefined when it can. */
export function fieldNameFault(name: string, of: 'request' | 'response'): string | undefined {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return 'is not a header name: use letters, digits and `-`'
  const lower = name.toLowerCase()
  if (Object.hasOwn(reserved, lower)) return reserved[lower]
  return of === 'request' && Object.hasOwn(reservedInRequests, lower) ? reservedInRequests[lower] : undefined
}

/** Why a text can't be a field value (RFC 9110 §5.5: visible ASCII, spaces and tabs); undefined when it can. */
export function fieldValueFault(value: string): string | undefined {
  if (/[\r\n\0]/.test(value)) return 'holds a line break or NUL, which would end the header: keep it on one line'
  if (/[^\t\x20-\x7e]/.test(value)) return 'holds a character that headers can’t carry: use ASCII'
  if (value !== value.trim()) return 'begins or ends with a space, which would be lost: remove it'
  return undefined
}
