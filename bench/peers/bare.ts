/**
 * The yardstick: the least that can be called a streaming proxy on node:http and undici. Header lists stay lists, bytes
 * are pushed with pause and resume, hop-by-hop fields go; no routing, no timeouts, no metrics, no log.
 * Usage: bare.ts PORT ORIGIN_PORT
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

const [port = '', origin = ''] = process.argv.slice(2)
const pool = new Pool(`http://127.0.0.1:${origin}`, { connections: 256, allowH2: false })

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

function endToEnd(list: readonly (string | Buffer)[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < list.length; i += 2) {
    const name = latin1(list[i])
    if (!hopByHop.has(name.toLowerCase())) kept.push(name, latin1(list[i + 1]))
  }
  return kept
}

function latin1(value: string | Buffer | undefined): string {
  return typeof value === 'string' ? value : (value?.toString('latin1') ?? '')
}

class Answer implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  #controller: Dispatcher.DispatchController | undefined

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#response.on('drain', () => controller.resume())
    this.#response.on('close', () => {
      if (!this.#response.writableFinished) controller.abort(new Error('client gone'))
    })
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, reason?: string): void {
    const raw = (controller as unknown as { rawHeaders: (string | Buffer)[] }).rawHeaders
    this.#response.writeHead(status, reason, endToEnd(raw))
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) this.#controller?.pause()
  }

  onResponseEnd(): void {
    this.#response.end()
  }

  onResponseError(): void {
    if (this.#response.headersSent) this.#response.destroy()
    else this.#response.writeHead(502).end()
  }
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
}

createServer((request, response) => {
  pool.dispatch(
    {
      path: request.url ?? '/',
      method: request.method as Dispatcher.HttpMethod,
      headers: endToEnd(request.rawHeaders),
      body: hasBody(request) ? request : null,
    },
    new Answer(response),
  )
}).listen(Number(port), '127.0.0.1')
