/**
 * QUERY (RFC 10008): a safe method whose content says what is wanted. Its answer is kept under the resource's key together
 * with a digest of the content and of the fields that say how to read it (§2.7), so the content has to be here before the
 * cache can be asked. Only content that says its length, and is short, is waited for.
 */
import { createHash } from 'node:crypto'
import { asGatewayError } from '../../core/errors.ts'
import { joinedValue } from '../../core/headers.ts'
import type { RequestHead } from '../../core/message.ts'
import type { Cancel, Reader } from '../../core/origin.ts'
import { replayable } from '../../core/replay.ts'
import { Asking } from './asking.ts'
import { queryKey } from './policy/key.ts'

/** Longer content costs more to hold and digest than its answer is likely to be asked for again. */
const LONGEST_CONTENT_BYTES = 64 * 1024

/** Whether the content of a QUERY can be made part of a key. */
export function isKeyable({ body }: RequestHead): boolean {
  return body?.lengthBytes !== undefined && body.lengthBytes <= LONGEST_CONTENT_BYTES
}

/**
 * Reads the content, which stays readable for whoever fetches, and goes on with the key that includes it.
 * @param resource key of the resource
 */
export function querying(
  request: RequestHead,
  resource: string,
  to: Reader,
  goOn: (request: RequestHead, key: string) => Cancel,
): Cancel {
  const asking = new Asking()
  const { body, headers } = request
  if (body === null) return goOn(request, resource)
  const remembered = replayable(body, LONGEST_CONTENT_BYTES)
  const digest = createHash('sha256')
  for (const field of ['content-type', 'content-encoding', 'content-language']) {
    digest.update(`${joinedValue(headers, field) ?? ''}\n`)
  }
  const stream = remembered.open()
  stream.on('data', (chunk: Buffer) => digest.update(chunk))
  stream.on('end', () => {
    if (!asking.isOver)
      asking.found(goOn({ ...request, body: remembered }, queryKey(resource, digest.digest('base64url'))))
  })
  stream.on('error', (error) => {
    if (!asking.isOver) to.fail(asGatewayError(error))
  })
  return (why) => {
    asking.cancel(why)
    stream.destroy()
  }
}
