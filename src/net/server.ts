/** Node's HTTP server with its parser in strict mode, and without what it would do behind our back. */
import http, { type Server } from 'node:http'
import type { ErrorCode } from '../core/errors.ts'
import { asksForWebSocket } from './policy/websocket.ts'

/** Node checks for late header sections this often. */
const CHECK_INTERVAL_MS = 500

export function makeServer(): Server {
  const server = http.createServer({
    requireHostHeader: false,
    insecureHTTPParser: false,
    joinDuplicateHeaders: false,
    optimizeEmptyRequests: true,
    noDelay: true,
    requestTimeout: 0,
    headersTimeout: 1,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeoutBuffer: 0,
    shouldUpgradeCallback: (incoming) => incoming.httpVersionMinor >= 1 && asksForWebSocket(incoming.rawHeaders),
  })
  // Otherwise node drops the fields beyond 2000 without a word; the guard counts them.
  server.maxHeadersCount = 0
  // A client that ends its side after a whole request still reads (see connection.ts). Node has it as a property only.
  Object.assign(server, { httpAllowHalfOpen: true })
  return server
}

/** What node reports about a connection, in our words; undefined where there is nobody left to tell. */
export function errorCodeOf(code: string | undefined): ErrorCode | undefined {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'header_too_large'
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request_timeout'
    // The client ended its side in the middle of a message.
    case 'HPE_INVALID_EOF_STATE':
      return undefined
    default:
      return code?.startsWith('HPE_') ? 'bad_request' : undefined
  }
}

/** What node says of a request that its parser could not read. */
export interface ParserError extends Error {
  readonly code?: string
  readonly reason?: string
  /** What came last from the client, and how far it was read. */
  readonly rawPacket?: Buffer
  readonly bytesParsed?: number
}

/** RFC 9110 §9.1, §5.6.2: a token, here one of no more than sensible length. */
const methodPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/

/**
 * The method of the request line at which the parser stopped, where it is one by RFC 9110 §9.1 that the parser does not
 * know (RFC 9112 §3: such a method is answered with 501); undefined for what is no request line.
 */
export function methodAt(packet: Buffer | undefined, parsedBytes = 0): string | undefined {
  if (packet === undefined) return undefined
  // `ABC` may be read to its C before it turns out to be no method: what came before on the line belongs to it.
  const start = parsedBytes === 0 ? 0 : packet.lastIndexOf(0x0a, parsedBytes - 1) + 1
  const line = packet.toString('latin1', start, Math.min(packet.byteLength, start + 8192))
  const match = /^(\S+) [^\s]+ HTTP\/1\.[01]\r?(?:\n|$)/.exec(line)
  const method = match?.[1]
  return method !== undefined && methodPattern.test(method) ? method : undefined
}
