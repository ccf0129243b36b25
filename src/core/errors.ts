/**
 * Every way in which a request can fail without the backend having answered it. One row decides the status, whose
 * fault it is, whether another try may help, and the words a client may read; the metric label is the code.
 * docs/errors.md is generated from this table.
 */

export type ErrorSource = 'client' | 'upstream' | 'gateway'

/**
 * Whether the request may be sent again after this failure:
 * `never`; `if_unsent`: no byte of it can have reached the backend; `if_idempotent`: it may have, so only where
 * sending twice equals sending once (RFC 9110 §9.2.2).
 */
export type Retry = 'never' | 'if_unsent' | 'if_idempotent'

interface Row {
  readonly status: number
  readonly source: ErrorSource
  readonly retry: Retry
  /** The problem's title, shown to clients: nothing of the inside. */
  readonly title: string
  /** For operators, in docs/errors.md: when it happens and what to look at. */
  readonly doc: string
}

const row = (status: number, source: ErrorSource, retry: Retry, title: string, doc: string): Row => ({
  status,
  source,
  retry,
  title,
  doc,
})

export const errorTable = {
  bad_request: row(
    400,
    'client',
    'never',
    'Malformed request',
    'The request could not be parsed as HTTP/1.1 (RFC 9112).',
  ),
  bad_framing: row(
    400,
    'client',
    'never',
    'Ambiguous message length',
    'Content-Length and Transfer-Encoding are repeated, conflicting or malformed; such requests are how request smuggling works.',
  ),
  bad_header: row(
    400,
    'client',
    'never',
    'Invalid header field',
    'A field name or value holds characters that RFC 9110 §5 forbids.',
  ),
  bad_host: row(
    400,
    'client',
    'never',
    'Invalid Host',
    'Host is missing, repeated, malformed, or contradicts the request target.',
  ),
  bad_target: row(
    400,
    'client',
    'never',
    'Invalid request target',
    'The request target is malformed, or its path could be read in two ways (see docs/operations.md, Paths).',
  ),
  request_timeout: row(
    408,
    'client',
    'never',
    'Request not received in time',
    'The header section did not arrive within `header_timeout`.',
  ),
  body_too_slow: row(
    408,
    'client',
    'never',
    'Request body too slow',
    'The body arrived more slowly than `body_min_rate`.',
  ),
  body_too_large: row(413, 'client', 'never', 'Request body too large', 'The body is larger than `body_size` allows.'),
  bad_encoding: row(
    400,
    'client',
    'never',
    'Malformed content coding',
    'The body could not be decompressed as its Content-Encoding says (`compression.decompress_requests`).',
  ),
  unsupported_encoding: row(
    415,
    'client',
    'never',
    'Content coding not supported',
    'The body came in a coding that `compression.decompress_requests` cannot take off; Accept-Encoding lists those that it can.',
  ),
  uri_too_long: row(
    414,
    'client',
    'never',
    'Request target too long',
    'The request target does not fit into `header_size`.',
  ),
  expectation_failed: row(
    417,
    'client',
    'never',
    'Expectation not supported',
    'An `Expect` other than 100-continue (RFC 9110 §10.1.1).',
  ),
  header_too_large: row(
    431,
    'client',
    'never',
    'Header section too large',
    'The header section is larger than `header_size`, or has more fields than `header_count`.',
  ),
  method_refused: row(405, 'client', 'never', 'Method not allowed', 'CONNECT and TRACE are never forwarded.'),
  method_unsupported: row(
    501,
    'gateway',
    'never',
    'Method not supported',
    'A method that the HTTP parser does not know, such as VERSION-CONTROL. The log has its name.',
  ),
  upgrade_refused: row(
    400,
    'client',
    'never',
    'Upgrade refused',
    'An upgrade request that is not a valid WebSocket handshake (RFC 6455 §4.2.1).',
  ),
  no_route: row(
    404,
    'client',
    'never',
    'No such route',
    'No route matches the request. `gateway explain METHOD URL` says why not.',
  ),
  rate_limited: row(
    429,
    'client',
    'never',
    'Too many requests',
    'More requests than `rate_limit` allows. The access log names the limit in `refused_by`.',
  ),
  client_gone: row(
    499,
    'client',
    'never',
    'Client closed the connection',
    'The client went away before its answer was complete. Never sent; seen in logs and metrics.',
  ),

  connect_failed: row(
    502,
    'upstream',
    'if_unsent',
    'Bad gateway',
    'No connection to the endpoint: refused, unreachable, or its name does not resolve.',
  ),
  connect_timeout: row(
    504,
    'upstream',
    'if_unsent',
    'Gateway timeout',
    'No connection to the endpoint within `timeouts.connect`.',
  ),
  tls_failed: row(
    502,
    'upstream',
    'if_unsent',
    'Bad gateway',
    'The TLS handshake with the endpoint failed, for example for an untrusted certificate.',
  ),
  connection_closed: row(
    502,
    'upstream',
    'if_idempotent',
    'Bad gateway',
    'The endpoint closed or reset the connection before it answered.',
  ),
  kept_closed: row(
    502,
    'upstream',
    'if_idempotent',
    'Bad gateway',
    'The endpoint closed a kept connection just as a request was sent on it. Sent again where the method allows it.',
  ),
  unsent: row(
    502,
    'upstream',
    'if_unsent',
    'Bad gateway',
    'A kept connection turned out to be closed before the request could be sent on it.',
  ),
  response_timeout: row(
    504,
    'upstream',
    'if_idempotent',
    'Gateway timeout',
    'The header section of the answer did not arrive within `timeouts.response`.',
  ),
  idle_timeout: row(
    504,
    'upstream',
    'if_idempotent',
    'Gateway timeout',
    'The answer stalled for longer than `timeouts.idle`.',
  ),
  bad_response: row(
    502,
    'upstream',
    'if_idempotent',
    'Bad gateway',
    'The endpoint sent something that is not a valid HTTP/1.1 response, contradictory lengths included, or a header section larger than `pool.response_header_size` (64 KiB) allows.',
  ),
  truncated: row(
    502,
    'upstream',
    'if_idempotent',
    'Bad gateway',
    'The endpoint closed the connection in the middle of its answer.',
  ),

  no_endpoint: row(
    503,
    'gateway',
    'never',
    'Service unavailable',
    'The upstream has no endpoint that may be used now.',
  ),
  shed: row(
    503,
    'gateway',
    'never',
    'Service unavailable',
    'Refused to keep the upstream or the gateway standing: more requests than can be answered in time. The access log names the rule in `refused_by`.',
  ),
  circuit_open: row(
    503,
    'gateway',
    'never',
    'Service unavailable',
    'The circuit breakers of all endpoints are open: the upstream has been failing, and is not asked for a while.',
  ),
  superseded: row(
    502,
    'gateway',
    'never',
    'Superseded',
    'A try was given up since another one answered first, or its answer was not used. Never sent; seen in upstream metrics.',
  ),
  upstream_busy: row(
    503,
    'gateway',
    'if_unsent',
    'Service unavailable',
    'All of the pool’s connections are in use (`pool.connections`) and its queue is full (`pool.queue`), or none came free within `timeouts.connect`.',
  ),
  total_timeout: row(
    504,
    'gateway',
    'never',
    'Gateway timeout',
    'The request as a whole took longer than `timeouts.total`.',
  ),
  not_cached: row(
    504,
    'gateway',
    'never',
    'Not in the cache',
    'The client allowed only a stored answer (`Cache-Control: only-if-cached`, RFC 9111 §5.2.1.7), and there is none.',
  ),
  draining: row(
    503,
    'gateway',
    'never',
    'Service unavailable',
    'The gateway is shutting down and its grace period is over.',
  ),
  internal: row(
    500,
    'gateway',
    'never',
    'Internal error',
    'A fault of the gateway. The log has the details under the same request id; please report it.',
  ),
} as const satisfies Record<string, Row>

export type ErrorCode = keyof typeof errorTable

export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  /** For logs only: what exactly happened. Never shown to a client. */
  readonly detail: string
  /** Extra response fields, flat: `Allow`, `Retry-After`. */
  readonly headers: readonly string[]

  constructor(code: ErrorCode, detail = '', headers: readonly string[] = []) {
    super(detail === '' ? code : `${code}: ${detail}`)
    this.code = code
    this.detail = detail
    this.headers = headers
  }

  get status(): number {
    return errorTable[this.code].status
  }

  get source(): ErrorSource {
    return errorTable[this.code].source
  }

  get retry(): Retry {
    return errorTable[this.code].retry
  }

  get title(): string {
    return errorTable[this.code].title
  }
}

/** Wraps whatever was thrown. What is not ours already is a fault of the gateway. */
export function asGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  const wrapped = new GatewayError('internal', thrown instanceof Error ? thrown.message : String(thrown))
  if (thrown instanceof Error && thrown.stack !== undefined) wrapped.stack = thrown.stack
  return wrapped
}
