/** The words in which the rows of requests.ts are written: parts of requests as bytes, and the rules they break. */

export type Row = [name: string, bytes: string, why: string]

/** The one Host line that all rows share. */
export const H = 'Host: example.com\r\n'

/** A GET whose header section has `lines` in it. */
export const get = (lines: string): string => `GET / HTTP/1.1\r\n${H}${lines}\r\n`
export const post = (lines: string, content: string): string => `POST / HTTP/1.1\r\n${H}${lines}\r\n${content}`
export const target = (text: string): string => `GET ${text} HTTP/1.1\r\n${H}\r\n`
export const host = (text: string): string => `GET / HTTP/1.1\r\nHost: ${text}\r\n\r\n`
export const length = (text: string): string => post(`Content-Length: ${text}\r\n`, 'abc')
export const coding = (text: string): string => post(`Transfer-Encoding: ${text}\r\n`, '3\r\nabc\r\n0\r\n\r\n')
export const chunks = (text: string): string => post('Transfer-Encoding: chunked\r\n', text)
export const shown = (text: string): string => JSON.stringify(text)

export const rfcTarget = 'RFC 9112 §3.2'
export const rfcHost = 'RFC 9112 §3.2; routing by one host, serving another'
export const rfcLength = 'RFC 9112 §6.3; CVE-2023-40225, CVE-2021-40346'
export const rfcCoding = 'RFC 9112 §6.1; CVE-2022-32213, CVE-2022-32215'
export const rfcField = 'RFC 9112 §5, RFC 9110 §5.5'
export const rfcChunk = 'RFC 9112 §7.1; CVE-2024-22019, CVE-2023-39326'
export const lines = 'RFC 9112 §2.2: a bare CR or LF ends a line for some and not for others'
export const traversal = 'CVE-2019-9901: matched as one path, served as another'

export const controls = [0, 1, 7, 8, 11, 12, 14, 27, 31, 127].map((code) => String.fromCharCode(code))

/** The parts of a WebSocket handshake. */
export const ws = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
export const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
export const v13 = 'Sec-WebSocket-Version: 13\r\n'
export const rfcWs = 'RFC 6455 §4.2.1; CVE-2024-23326: a tunnel that nobody agreed to'
