/** Answers that the gateway gives itself, in the form the client asked for (RFC 9457 problem+json, or plain text). */
import { STATUS_CODES } from 'node:http'
import type { GatewayError } from './errors.ts'
import { type HeaderList, joinedValue } from './headers.ts'

export interface Reply {
  readonly status: number
  /** Flat; Content-Length is added where the answer goes out. */
  readonly headers: HeaderList
  readonly body: Uint8Array | undefined
}

const encoder = new TextEncoder()

/**
 * The answer for a failure. Says what a client can act on and the request id, never what is inside.
 * @param requestHeaders decides the form: plain text where `Accept` prefers text to JSON
 */
export function problem(error: GatewayError, requestId: string, requestHeaders: HeaderList): Reply {
  const { status, title, code } = error
  const isPlain = prefersText(joinedValue(requestHeaders, 'accept'))
  const text = isPlain
    ? `${status} ${title}\nrequest id: ${requestId}\n`
    : `${JSON.stringify({ type: `urn:latency-gateway:error:${code}`, title, status, code, request_id: requestId })}\n`
  return {
    status,
    headers: [
      'Content-Type',
      isPlain ? 'text/plain; charset=utf-8' : 'application/problem+json',
      'Cache-Control',
      'no-store',
      'X-Request-Id',
      requestId,
      ...error.headers,
    ],
    body: encoder.encode(text),
  }
}

/** Whether a media range for text weighs more than every one that JSON falls under (RFC 9110 §12.5.1). */
function prefersText(accept: string | undefined): boolean {
  if (accept === undefined || accept === '*/*') return false
  let text = 0
  let json: number | undefined
  let any = 0
  for (const member of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = member.split(';').map((part) => part.trim())
    const weight = quality(parameters)
    if (isText.test(type)) text = Math.max(text, weight)
    else if (isJson.test(type)) json = Math.max(json ?? 0, weight)
    else if (type === '*/*') any = weight
  }
  return text > (json ?? any)
}

const isText = /^text\/(?:plain|html|\*)$/
const isJson = /^application\/(?:problem\+json|json|\*)$/

function quality(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    if (!parameter.startsWith('q=')) continue
    const value = Number(parameter.slice(2))
    return Number.isFinite(value) ? value : 0
  }
  return 1
}

/** The registered reason phrase of a status, or '' where there is none. */
export function reasonOf(status: number): string {
  return STATUS_CODES[status] ?? ''
}
