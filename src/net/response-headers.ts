/** The header section of an answer as it is handed to node: as it came, but for what frames it on this connection. */
import type { HeaderList } from '../core/headers.ts'

export interface Outgoing {
  readonly list: HeaderList
  /** Content-Length, or -1 where there is none. */
  readonly length: number
}

/**
 * @param mayBeChunked whether the answer has content that will be sent in chunks unless a length is announced
 */
export function outgoingHeaders(headers: HeaderList, mayBeChunked: boolean): Outgoing {
  let length = -1
  let trailerAt = -1
  let isChanged = false
  let disposition = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    switch (name.length) {
      case 14:
        if (name === 'Content-Length' || name.toLowerCase() === 'content-length') length = Number(headers[i + 1])
        break
      case 7:
        if (name.toLowerCase() === 'trailer') trailerAt = i
        break
      case 19:
        if (length >= 0 && name.toLowerCase() === 'content-disposition') disposition = true
        break
      case 10:
      case 17:
        if (isFraming(name)) isChanged = true
        break
      default:
    }
  }
  const dropTrailer = trailerAt >= 0 && (!mayBeChunked || length >= 0)
  if (!isChanged && !dropTrailer && !disposition) return { list: headers, length }
  return { list: rewritten(headers, dropTrailer, disposition), length }
}

function isFraming(name: string): boolean {
  const lower = name.toLowerCase()
  return lower === 'connection' || lower === 'keep-alive' || lower === 'transfer-encoding'
}

/**
 * The rare cases. Framing fields are ours to say. Node throws for a Trailer beside content that is not chunked, where
 * it means nothing. And node re-encodes a Content-Disposition that stands behind a Content-Length, which breaks every
 * file name beyond ASCII: the length goes last then, which changes no meaning (RFC 9110 §5.3).
 */
function rewritten(headers: HeaderList, dropTrailer: boolean, lengthLast: boolean): HeaderList {
  const list: HeaderList = []
  let length: [string, string] | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const value = headers[i + 1] as string
    if (isFraming(name) || (dropTrailer && name.toLowerCase() === 'trailer')) continue
    if (lengthLast && name.toLowerCase() === 'content-length') length = [name, value]
    else list.push(name, value)
  }
  if (length !== undefined) list.push(length[0], length[1])
  return list
}
