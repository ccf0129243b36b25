/** A request in the form that undici takes, framed anew. */
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { RequestHead } from '../core/message.ts'
import type { Endpoint } from './endpoint.ts'

/** @param upload the stream of its body, null when it has none */
export function dispatchOptions(
  { method, path, query, headers, body, authority }: RequestHead,
  endpoint: Endpoint,
  upload: Readable | null,
): Dispatcher.DispatchOptions {
  const list = headers.slice()
  list.push('host', authority === '' ? endpoint.address.authority : authority)
  // The length that was announced and is enforced while reading; undici writes chunks where there is none, and
  // `content-length: 0` where the method wants content and there is no body (RFC 9110 §8.6).
  if (body !== null && body.lengthBytes !== undefined) list.push('content-length', String(body.lengthBytes))
  const options = {
    path: path + query,
    method,
    headers: list,
    body: upload,
    // undici closes after HEAD, for servers that send a body all the same. Such a body is noticed on an idle
    // connection, and ends it. With a body on a method that has none, closing is right: some servers don't read it.
    reset: body === null ? false : undefined,
    // Only so that undici does not derive one from Host; the connector knows the name.
    servername: 'endpoint',
  }
  return options as Dispatcher.DispatchOptions
}
