/** What undici and node report of a request that failed, in the words of our own table. */
import { GatewayError } from '../core/errors.ts'

/** How far the request had come. */
export interface Progress {
  /** The request was begun on the connection: bytes of it may have left. */
  readonly isSent: boolean
  /** The header section of the answer was there. */
  readonly isAnswering: boolean
  /** The connection had been used before, and nothing has come back on it yet. */
  readonly isKept: boolean
  /** What its header section may have at most, and the key that says so. */
  readonly headerBytes: number
  readonly headerKey: string
}

export function upstreamFailure(error: Error & { code?: string }, progress: Progress): GatewayError {
  // The connector's own, or the client's body that broke off: both have their names already.
  if (error instanceof GatewayError) return error
  const { code = '', message } = error
  if (notTaken.has(code)) return new GatewayError('internal', `undici refused the request: ${message}`)
  if (code === 'UND_ERR_ABORTED') return new GatewayError('client_gone', 'the request body broke off')
  if (error.name !== 'HTTPParserError' && isOurs(code)) return new GatewayError('internal', error.stack ?? message)
  if (!progress.isSent) return new GatewayError('unsent', message)
  if (overflows.has(code)) {
    const { headerBytes, headerKey } = progress
    return new GatewayError('bad_response', `the header section is larger than ${headerBytes} bytes (${headerKey})`)
  }
  // Framing that contradicts itself is refused before any content; later, content is missing.
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' && !progress.isAnswering) {
    return new GatewayError('bad_response', `contradictory or malformed Content-Length (${message})`)
  }
  if (isMalformed(error, code)) return new GatewayError('bad_response', message)
  if (progress.isAnswering) return new GatewayError('truncated', message)
  return new GatewayError(progress.isKept ? 'kept_closed' : 'connection_closed', message)
}

/** Why a request is not sent although there is a connection: its time was spent on waiting for one. */
export function spent(deadlineAt: number, tryEndsAt: number): GatewayError {
  return deadlineAt <= tryEndsAt
    ? new GatewayError('total_timeout', 'over before a connection was free')
    : new GatewayError('upstream_busy', 'the time for one try was over before a connection was free')
}

/** undici's own checks of what it is asked to send. */
const notTaken = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'])

/** undici's and node's. */
const overflows = new Set(['UND_ERR_HEADERS_OVERFLOW', 'HPE_HEADER_OVERFLOW'])

/** The key by which the size of a header section is set. */
export const HEADER_KEY = '`pool.response_header_size` of the upstream'

/** Programming errors: a failed assertion, a TypeError. TLS reports broken records under a name like theirs. */
function isOurs(code: string): boolean {
  return code === '' || (code.startsWith('ERR_') && !code.startsWith('ERR_SSL_'))
}

function isMalformed({ name, message }: Error, code: string): boolean {
  // undici's parser, whose errors have a code of HPE_undefined or none, and node's: HPE_INVALID_EOF_STATE and others.
  if (name === 'HTTPParserError' || code.startsWith('HPE_')) return !/EOF[ _]state/i.test(code + message)
  return code === 'UND_ERR_SOCKET' && (message === 'bad response' || message === 'bad upgrade')
}
