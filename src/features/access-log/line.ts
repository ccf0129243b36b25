/**
 * One exchange as one line of JSON, put together by hand: a fraction of what serialising an object costs. The line is
 * written when the exchange is over; `time` is that moment.
 */
import { type Exchange, spans } from '../../core/exchange.ts'
import { joinedValue } from '../../core/headers.ts'
import { millis, quoted } from './policy/json-text.ts'
import { traceId } from './policy/traceparent.ts'

export interface LineOptions {
  readonly route: string
  /** Extra fields by name, with the lower-case header field each holds. */
  readonly fields: Readonly<Record<string, string>>
  /** Whether queries are written. */
  readonly query: boolean
  /** Lower-case names of header fields whose values are not written. */
  readonly redact: readonly string[]
}

/** The fields that lines have by themselves. */
export const fieldNames: ReadonlySet<string> = new Set([
  'log',
  'time',
  'request_id',
  'trace_id',
  'client',
  'method',
  'host',
  'path',
  'query',
  'route',
  'endpoint',
  'cache',
  'status',
  'sent_bytes',
  'received_bytes',
  'duration_ms',
  'ttfb_ms',
  ...spans.map((span) => `${span}_ms`),
  'tries',
  'hedged',
  'refused_by',
  'fallback',
  'error',
  'error_detail',
  'user_agent',
  'referer',
])

// Nobody's header field may fill the disk: values are cut at these lengths.
const MAX_METHOD = 32
const MAX_HOST = 255
const MAX_PATH = 2048
const MAX_VALUE = 512

const spanKeys = spans.map((span) => `,"${span}_ms":`)

export class LineFormat {
  readonly #route: string
  readonly #extra: readonly { readonly key: string; readonly header: string; readonly isRedacted: boolean }[]
  readonly #hasQuery: boolean
  readonly #isAgentRedacted: boolean
  readonly #isRefererRedacted: boolean
  #second = Number.NaN
  #secondText = ''

  constructor(options: LineOptions) {
    this.#route = `,"route":${quoted(options.route, MAX_VALUE)}`
    this.#extra = Object.entries(options.fields).map(([name, header]) => ({
      key: `,"${name}":`,
      header,
      isRedacted: options.redact.includes(header),
    }))
    this.#hasQuery = options.query
    this.#isAgentRedacted = options.redact.includes('user-agent')
    this.#isRefererRedacted = options.redact.includes('referer')
  }

  /** The line, printable ASCII, with its line feed. */
  format(x: Exchange, durationMs: number, wallMs: number): string {
    const { request, outcome, headAt } = x
    let line = `{"log":"access","time":"${this.#time(wallMs)}","request_id":${quoted(x.id, MAX_VALUE)}`
    line += `,"client":${quoted(x.peer.client, MAX_VALUE)},"method":${quoted(request.method, MAX_METHOD)}`
    line += `,"host":${quoted(request.host, MAX_HOST)},"path":${quoted(request.path, MAX_PATH)}`
    if (this.#hasQuery && request.query !== '') line += `,"query":${quoted(request.query, MAX_PATH)}`
    line += this.#route
    if (x.endpoint !== '') line += `,"endpoint":${quoted(x.endpoint, MAX_VALUE)}`
    if (x.cache !== '') line += `,"cache":${quoted(x.cache, MAX_VALUE)}`
    line += `,"status":${x.status === 0 ? (outcome?.status ?? 0) : x.status},"sent_bytes":${x.sentBytes}`
    line += `,"received_bytes":${request.body === null ? 0 : request.body.takenBytes}`
    line += `,"duration_ms":${millis(durationMs)}`
    if (headAt > 0) line += `,"ttfb_ms":${millis(headAt - x.startedAt)}`
    for (let i = 0; i < spanKeys.length; i++) {
      const ms = x.spans[i] as number
      if (ms >= 0.0005) line += (spanKeys[i] as string) + millis(ms)
    }
    line += `,"tries":${x.tries}`
    if (x.hedged) line += ',"hedged":true'
    if (x.refusedBy !== '') line += `,"refused_by":${quoted(x.refusedBy, MAX_VALUE)}`
    if (x.fallback !== '') line += `,"fallback":"${x.fallback}"`
    if (outcome !== undefined) {
      line += `,"error":"${outcome.code}"`
      if (outcome.detail !== '') line += `,"error_detail":${quoted(outcome.detail, MAX_VALUE)}`
    }
    return `${line}${this.#fromHeaders(x)}}\n`
  }

  /** One scan for the three fields that most requests have. */
  #fromHeaders(x: Exchange): string {
    const { headers } = x.request
    let trace = ''
    let traces = 0
    let agent = ''
    let referer = ''
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string
      if (name.length === 10 && agent === '' && name.toLowerCase() === 'user-agent') {
        agent = `,"user_agent":${this.#isAgentRedacted ? redacted : quoted(headers[i + 1] as string, MAX_VALUE)}`
      } else if (name.length === 7 && referer === '' && name.toLowerCase() === 'referer') {
        referer = `,"referer":${this.#isRefererRedacted ? redacted : this.#referer(headers[i + 1] as string)}`
      } else if (name.length === 11 && name.toLowerCase() === 'traceparent') {
        const id = traceId(headers[i + 1] as string)
        traces++
        if (id !== undefined) trace = `,"trace_id":"${id}"`
      }
    }
    // Two of them contradict each other: then neither counts.
    const head = traces === 1 ? trace + agent + referer : agent + referer
    return this.#extra.length === 0 ? head : head + this.#extras(x)
  }

  #referer(value: string): string {
    const end = this.#hasQuery ? -1 : value.search(/[?#]/)
    return quoted(end === -1 ? value : value.slice(0, end), MAX_VALUE)
  }

  #extras(x: Exchange): string {
    let text = ''
    for (const { key, header, isRedacted } of this.#extra) {
      const value = joinedValue(x.request.headers, header)
      if (value !== undefined) text += key + (isRedacted ? redacted : quoted(value, MAX_VALUE))
    }
    return text
  }

  /** ISO 8601 in UTC, to the millisecond; all but the milliseconds is made once a second. */
  #time(wallMs: number): string {
    const second = Math.floor(wallMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#secondText = new Date(second * 1000).toISOString().slice(0, 20)
    }
    return `${this.#secondText}${String(Math.floor(wallMs - second * 1000)).padStart(3, '0')}Z`
  }
}

const redacted = '"[redacted]"'
