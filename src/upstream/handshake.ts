/** The two halves of a WebSocket handshake as we send them on, and the check that the second answers the first. */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import {
  endToEnd,
  type HeaderList,
  hasHeader,
  headerValue,
  headerValues,
  isNamed,
  joinedValue,
} from '../core/headers.ts'
import type { RequestHead } from '../core/message.ts'

/** RFC 6455 §1.3 */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/**
 * The fields of the request, in the form that http-proxy-3 takes.
 * @param ownAuthority the endpoint's, for requests that keep no Host of the client's
 */
export function handshakeFields(head: RequestHead, ownAuthority: string): IncomingHttpHeaders {
  const list = ['Host', head.authority === '' ? ownAuthority : head.authority, ...endToEnd(head.headers)]
  return { ...fieldsOf(list), connection: 'Upgrade', upgrade: 'websocket' }
}

/**
 * What is wrong with a 101; undefined when nothing is. A backend that switches to anything else than what was asked
 * would leave the client talking to it past every rule of ours.
 */
export function acceptFault(asked: HeaderList, answered: HeaderList): string | undefined {
  const upgrades = headerValues(answered, 'upgrade')
  if (upgrades.length !== 1 || upgrades[0]?.toLowerCase() !== 'websocket') return '101 without Upgrade: websocket'
  const options = joinedValue(answered, 'connection')?.toLowerCase().split(',') ?? []
  if (!options.some((option) => option.trim() === 'upgrade')) return '101 without Connection: Upgrade'
  const key = headerValue(asked, 'sec-websocket-key') ?? ''
  const expected = createHash('sha1')
    .update(key + GUID)
    .digest('base64')
  const accepts = headerValues(answered, 'sec-websocket-accept')
  if (accepts.length !== 1 || accepts[0] !== expected) return '101 with a Sec-WebSocket-Accept that is not ours'
  if (hasHeader(answered, 'transfer-encoding')) return '101 with Transfer-Encoding'
  return undefined
}

/** The fields of the 101, in the form that http-proxy-3 writes them from. */
export function handshakeAnswer(answered: HeaderList): IncomingHttpHeaders {
  const kept = endToEnd(answered, (name) => isNamed(name, 'content-length'))
  return fieldsOf(['Connection', 'Upgrade', 'Upgrade', 'websocket', ...kept])
}

/** Lines of one name, in any case, come together under the first one's. */
function fieldsOf(list: HeaderList): IncomingHttpHeaders {
  const fields = new Map<string, { name: string; values: string[] }>()
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    const known = fields.get(name.toLowerCase())
    if (known === undefined) fields.set(name.toLowerCase(), { name, values: [list[i + 1] as string] })
    else known.values.push(list[i + 1] as string)
  }
  const object: Record<string, string | string[] | undefined> = Object.create(null)
  for (const { name, values } of fields.values()) object[name] = values.length === 1 ? values[0] : values
  return object
}
