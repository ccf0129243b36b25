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
