/**
 * Decides whether a request can be read in exactly one way, and reads it. Stands behind the parser, which has checked
 * the grammar of lines; here is what parsers let pass because RFC 9112 allows it somewhere, or because it needs the
 * whole section: versions, Host (§3.2), the forms of the target (§3.2), the length of the content (§6), Expect.
 */
import type { ErrorCode } from '../../core/errors.ts'
import type { HeaderList } from '../../core/headers.ts'
import { type Authority, parseAuthority } from './authority.ts'
import { type EncodedSlashes, normalPath } from './path.ts'

export interface RequestLine {
  readonly method: string
  readonly target: string
  /** `1.1`, `1.0`, or whatever the parser made of it. */
  readonly version: string
}

export interface GuardLimits {
  readonly headerCount: number
  readonly encodedSlashes: EncodedSlashes
}

export interface Accepted {
  readonly refused: undefined
  readonly authority: string
  readonly host: string
  readonly path: string
  readonly query: string
  /** Bytes of content: 0 for none, -1 where chunks will tell. */
  readonly length: number
  readonly expectsContinue: boolean
}

export interface Refusal {
  readonly refused: ErrorCode
  readonly detail: string
}

/** What a scan of the header section found of the few fields that decide. */
interface Found {
  host: string | undefined
  length: string | undefined
  coding: string | undefined
  expect: string | undefined
}

export function checkRequest(line: RequestLine, headers: HeaderList, limits: GuardLimits): Accepted | Refusal {
  const { method, version } = line
  // RFC 9112 §2.3: HTTP/0.9 has no version, HTTP/2 is another protocol.
  if (version !== '1.1' && version !== '1.0') return refuse('bad_request', `HTTP/${version}`)
  if (method === 'CONNECT' || method === 'TRACE') return refuse('method_refused', method)
  if (!isMethod(method)) return refuse('bad_request', `method ${method}`)
  if (headers.length > limits.headerCount * 2) return refuse('header_too_large', `${headers.length / 2} fields`)

  const found = scan(headers)
  if (isRefusal(found)) return found
  const length = contentLength(found, version)
  if (typeof length !== 'number') return length
  let expectsContinue = false
  if (found.expect !== undefined && version === '1.1') {
    // RFC 9110 §10.1.1: 417 for what we don't know; a 1.0 client's Expect is to be ignored.
    if (found.expect.toLowerCase() !== '100-continue') return refuse('expectation_failed', found.expect)
    expectsContinue = length !== 0
  }
  return locate(line, found.host, length, expectsContinue, limits.encodedSlashes)
}

function isRefusal(value: Found | Refusal): value is Refusal {
  return 'refused' in value
}

function refuse(refused: ErrorCode, detail: string): Refusal {
  return { refused, detail }
}

/** Methods of RTSP, which the parser takes with an RTSP version and then calls HTTP/1.0. */
const foreignMethods = new Set([
  'PRI',
  'DESCRIBE',
  'ANNOUNCE',
  'SETUP',
  'PLAY',
  'PAUSE',
  'TEARDOWN',
  'GET_PARAMETER',
  'SET_PARAMETER',
  'REDIRECT',
  'RECORD',
  'FLUSH',
])

function isMethod(method: string): boolean {
  if (method === 'GET' || method === 'POST' || method === 'HEAD') return true
  return isToken(method) && !foreignMethods.has(method)
}

// RFC 9110 §5.6.2 and §5.5. The parser has checked both; these hold for callers without one, and for its bugs.
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const notInValue = /[^\t\x20-\x7e\x80-\xff]/

function isToken(text: string): boolean {
  return token.test(text)
}

function scan(headers: HeaderList): Found | Refusal {
  const found: Found = { host: undefined, length: undefined, coding: undefined, expect: undefined }
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const value = headers[i + 1] as string
    if (!isToken(name)) return refuse('bad_header', `name ${JSON.stringify(name)}`)
    if (notInValue.test(value)) return refuse('bad_header', `value of ${name}`)
    switch (name.length) {
      case 4:
        if (name !== 'Host' && name.toLowerCase() !== 'host') break
        // RFC 9112 §3.2: more than one Host is refused (MUST).
        if (found.host !== undefined) return refuse('bad_host', 'Host is repeated')
        found.host = value
        break
      case 6:
        if (name.toLowerCase() !== 'expect') break
        if (found.expect !== undefined) return refuse('expectation_failed', 'Expect is repeated')
        found.expect = value
        break
      case 14:
      case 17: {
        const fault = noteFraming(found, name.toLowerCase(), value)
        if (fault !== undefined) return fault
        break
      }
      default:
    }
  }
  return found
}

function noteFraming(found: Found, name: string, value: string): Refusal | undefined {
  switch (name) {
    case 'content-length':
      // RFC 9112 §6.3 lets equal values pass; nobody sends them but those who try what we make of them.
      if (found.length !== undefined) return refuse('bad_framing', 'Content-Length is repeated')
      found.length = value
      return undefined
    case 'transfer-encoding':
      if (found.coding !== undefined) return refuse('bad_framing', 'Transfer-Encoding is repeated')
      found.coding = value
      return undefined
    // CGI-like backends read `_` as `-`.
    case 'content_length':
    case 'transfer_encoding':
      return refuse('bad_framing', `${name} imitates a framing field`)
    default:
      return undefined
  }
}

/** RFC 9112 §6.1 to §6.3: how much content follows, or why nobody can say. */
function contentLength(found: Found, version: string): number | Refusal {
  const { length, coding } = found
  if (coding !== undefined) {
    if (length !== undefined) return refuse('bad_framing', 'Content-Length beside Transfer-Encoding')
    // RFC 9112 §6.1: Transfer-Encoding in HTTP/1.0 is faulty framing.
    if (version !== '1.1') return refuse('bad_framing', `Transfer-Encoding in HTTP/${version}`)
    if (coding.toLowerCase() !== 'chunked') return refuse('bad_framing', `Transfer-Encoding ${coding}`)
    return -1
  }
  if (length === undefined) return 0
  if (!/^\d{1,16}$/.test(length)) return refuse('bad_framing', `Content-Length ${length}`)
  const bytes = Number(length)
  return Number.isSafeInteger(bytes) ? bytes : refuse('bad_framing', `Content-Length ${length}`)
}

const notInTarget = /[^\x21-\x7e]|#/

/** RFC 9112 §3.2: where the request is to go. */
function locate(
  line: RequestLine,
  hostField: string | undefined,
  length: number,
  expectsContinue: boolean,
  encodedSlashes: EncodedSlashes,
): Accepted | Refusal {
  const { target } = line
  if (notInTarget.test(target)) return refuse('bad_target', 'a character that no target may hold')
  const named = hostOf(hostField, line.version)
  if ('refused' in named) return named
  if (target === '*') {
    // RFC 9112 §3.2.4: asterisk-form, for a server-wide OPTIONS alone.
    if (line.method !== 'OPTIONS') return refuse('bad_target', '* without OPTIONS')
    const { authority, host } = named
    return { refused: undefined, authority, host, path: '*', query: '', length, expectsContinue }
  }
  if (target.charCodeAt(0) === 0x2f) return place(named, target, length, expectsContinue, encodedSlashes)

  const absolute = absoluteForm(target)
  if (absolute === undefined) return refuse('bad_target', 'neither a path nor an http URL')
  const there = parseAuthority(absolute.authority)
  if (there === undefined) return refuse('bad_target', 'a URL without a valid host')
  // RFC 9112 §3.2.2 has the URL win over Host; where the two differ, somebody before us may have read the other one.
  if (hostField !== undefined && !isSamePlace(there, named, absolute.defaultPort)) {
    return refuse('bad_host', 'Host contradicts the request target')
  }
  const { rest } = absolute
  if (rest === '' && line.method === 'OPTIONS') {
    const { authority, host } = there
    return { refused: undefined, authority, host, path: '*', query: '', length, expectsContinue }
  }
  return place(there, rest.startsWith('/') ? rest : `/${rest}`, length, expectsContinue, encodedSlashes)
}

const nowhere: Authority = { authority: '', host: '' }

function hostOf(field: string | undefined, version: string): Authority | Refusal {
  if (field === undefined) {
    // RFC 9112 §3.2: HTTP/1.1 must name its host, HTTP/1.0 may not know how to.
    return version === '1.0' ? nowhere : refuse('bad_host', 'Host is missing')
  }
  return parseAuthority(field) ?? refuse('bad_host', `Host ${JSON.stringify(field)}`)
}

function absoluteForm(target: string): { authority: string; rest: string; defaultPort: string } | undefined {
  const match = /^(https?):\/\/([^/?]*)(.*)$/i.exec(target)
  if (match === null) return undefined
  const defaultPort = (match[1] as string).length === 5 ? ':443' : ':80'
  return { authority: match[2] as string, rest: match[3] as string, defaultPort }
}

function isSamePlace(a: Authority, b: Authority, defaultPort: string): boolean {
  return withPort(a.authority, defaultPort) === withPort(b.authority, defaultPort)
}

function withPort(authority: string, defaultPort: string): string {
  return /:\d+$/.test(authority) ? authority : authority + defaultPort
}

function place(
  at: Authority,
  pathAndQuery: string,
  length: number,
  expectsContinue: boolean,
  encodedSlashes: EncodedSlashes,
): Accepted | Refusal {
  const mark = pathAndQuery.indexOf('?')
  const path = normalPath(mark < 0 ? pathAndQuery : pathAndQuery.slice(0, mark), encodedSlashes)
  if (typeof path !== 'string') return refuse('bad_target', `path: ${path.because}`)
  return {
    refused: undefined,
    authority: at.authority,
    host: at.host,
    path,
    query: mark < 0 ? '' : pathAndQuery.slice(mark),
    length,
    expectsContinue,
  }
}
