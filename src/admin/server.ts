/**
 * The admin listener: metrics, health and a small API, on an address of its own. It shares nothing with the data path
 * but what its view shows it, and bounds what its clients may take: few connections, small requests, short waits.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Log } from '../core/log.ts'
import { formatAddress } from '../net/address.ts'
import { type AdminView, type Answer, allowed, type Endpoint, endpoints, problem } from './api.ts'
import { type Credentials, type Refusal, vetHost, vetOrigin, vetToken } from './auth.ts'
import { isLoopback, parseAddress } from './policy/address.ts'
import type { AdminConfig } from './schema.ts'

/** Scrapers, probes, a dashboard or two: more is a fault or an attack. */
const MAX_CONNECTIONS = 64
const MAX_HEADER_BYTES = 16_384
const MAX_BODY_BYTES = 65_536
const MAX_REQUESTS_PER_CONNECTION = 1000
const HEADERS_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 10_000
const IDLE_TIMEOUT_MS = 30_000
const CHECK_INTERVAL_MS = 2_000

const badRequest = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

const refusals: Record<Refusal, { status: number; title: string; header?: readonly [string, string] }> = {
  token_missing: {
    status: 401,
    title: 'A bearer token is required',
    header: ['WWW-Authenticate', 'Bearer realm="gateway admin"'],
  },
  token_wrong: {
    status: 401,
    title: 'The bearer token is not the right one',
    header: ['WWW-Authenticate', 'Bearer realm="gateway admin", error="invalid_token"'],
  },
  host_unknown: { status: 403, title: 'This address answers only to names of this machine, such as localhost' },
  cross_origin: { status: 403, title: 'Requests from pages of other origins are refused' },
}

export class AdminServer {
  readonly #server: Server
  readonly #view: AdminView
  readonly #log: Log
  readonly #isLocal: boolean
  #token: string

  private constructor(config: AdminConfig, isLocal: boolean, view: AdminView, log: Log) {
    this.#token = config.token
    this.#isLocal = isLocal
    this.#view = view
    this.#log = log
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: HEADERS_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        requireHostHeader: true,
      },
      (req, res) => this.#take(req, res),
    )
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION
    // Covers what the parser's limits do not: a client that takes its answer too slowly, or not at all.
    this.#server.timeout = IDLE_TIMEOUT_MS
    this.#server.on('clientError', (_error, socket) => {
      if (!socket.writable) socket.destroy()
      else socket.end(badRequest, () => socket.destroy())
    })
  }

  /** @throws when the address cannot be bound */
  static async start(config: AdminConfig, view: AdminView, log: Log): Promise<AdminServer> {
    const address = parseAddress(config.address)
    if (address === undefined) throw new Error(`not an address: ${config.address}`)
    const isLocal = address.kind === 'tcp' && isLoopback(address)
    const admin = new AdminServer(config, isLocal, view, log)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    admin.#server.once('error', reject)
    if (address.kind === 'unix') admin.#server.listen(address.path, resolve)
    else
      admin.#server.listen(
        { port: address.port, ...(address.host === undefined ? {} : { host: address.host }) },
        resolve,
      )
    await promise
    admin.#server.removeListener('error', reject)
    admin.#server.on('error', (error) => log.error({ error: error.message }, 'the admin listener failed'))
    return admin
  }

  /** Where it really listens, as in the configuration: `host:port` or `unix:/path`. */
  get address(): string {
    const bound = this.#server.address() as AddressInfo | string | null
    if (bound === null) return ''
    if (typeof bound === 'string') return `unix:${bound}`
    return formatAddress(bound.address, bound.port)
  }

  /** Takes another token from now on. Another address needs another server. */
  setToken(token: string): void {
    this.#token = token
  }

  /** Stops listening. Requests under way, such as the reload that moved this listener, still get their answers. */
  retire(): void {
    this.#server.close()
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeAllConnections()
    await promise
  }

  #take(req: IncomingMessage, res: ServerResponse): void {
    discard(req)
    res.on('error', () => {})
    this.#answer(req).then(
      (answer) => send(req, res, answer),
      (thrown: unknown) => {
        this.#log.error({ error: thrown instanceof Error ? thrown.stack : String(thrown) }, 'an admin request failed')
        send(req, res, problem(500, 'Internal error'))
      },
    )
  }

  async #answer(req: IncomingMessage): Promise<Answer> {
    const [path, query] = partsOf(req.url ?? '')
    const endpoint = endpoints.get(path)
    const refusal = this.#vet(req, endpoint)
    if (refusal !== undefined) {
      const { status, title, header } = refusals[refusal]
      return problem(status, title, header)
    }
    if (endpoint === undefined) return problem(404, 'No such page')
    const method = req.method === 'HEAD' ? 'GET' : req.method
    if (method !== endpoint.method) return problem(405, 'Method not allowed', ['Allow', allowed(endpoint)])
    return endpoint.answer(this.#view, req.headers.accept ?? '', new URLSearchParams(query))
  }

  #vet(req: IncomingMessage, endpoint: Endpoint | undefined): Refusal | undefined {
    const { headers } = req
    const given: Credentials = {
      authorization: headers.authorization,
      host: headers.host,
      origin: headers.origin,
      site: typeof headers['sec-fetch-site'] === 'string' ? headers['sec-fetch-site'] : undefined,
    }
    if (endpoint?.isPublic === true) return undefined
    if (this.#isLocal) {
      const refusal = vetHost(given)
      if (refusal !== undefined) return refusal
    }
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      const refusal = vetOrigin(given)
      if (refusal !== undefined) return refusal
    }
    return vetToken(given, this.#token)
  }
}

function partsOf(target: string): [path: string, query: string] {
  const end = target.indexOf('?')
  return end === -1 ? [target, ''] : [target.slice(0, end), target.slice(end)]
}

/** No page takes a body: a small one is read and dropped, a big one ends the connection. */
function discard(req: IncomingMessage): void {
  let taken = 0
  req.on('error', () => {})
  req.on('data', (chunk: Buffer) => {
    taken += chunk.byteLength
    if (taken > MAX_BODY_BYTES) req.destroy()
  })
}

function send(req: IncomingMessage, res: ServerResponse, answer: Answer): void {
  if (res.destroyed || res.headersSent) return
  const body = Buffer.from(answer.body)
  res.statusCode = answer.status
  res.setHeader('Content-Type', answer.type)
  res.setHeader('Content-Length', body.byteLength)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.setHeader(
    'Content-Security-Policy',
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  )
  res.setHeader('Referrer-Policy', 'no-referrer')
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
  if (answer.header !== undefined) res.setHeader(answer.header[0], answer.header[1])
  res.end(req.method === 'HEAD' ? undefined : body)
}
