/** How the rows of the table of answers (answers.ts) are written. */
export interface AnswerCase {
  readonly name: string
  readonly method: string
  /** What the backend writes, a character for each byte. */
  readonly bytes: string
  /** What it does then. */
  readonly ending: 'stay' | 'FIN' | 'RST'
  readonly expected: 'bad' | 'ok'
  /** What the reader of an `ok` one must see. */
  readonly status?: number
  readonly body?: string
  readonly headers?: readonly string[]
}

type Rest = Partial<Pick<AnswerCase, 'method' | 'ending' | 'status' | 'body' | 'headers'>>

export const bad = (name: string, bytes: string, rest: Rest = {}): AnswerCase => ({
  method: 'GET',
  ending: 'stay',
  ...rest,
  name,
  bytes,
  expected: 'bad',
})

export const ok = (name: string, bytes: string, rest: Rest = {}): AnswerCase => ({
  method: 'GET',
  ending: 'stay',
  status: 200,
  body: 'hello',
  ...rest,
  name,
  bytes,
  expected: 'ok',
})

export const show = (text: string): string => JSON.stringify(text).slice(1, -1)
export const line = 'HTTP/1.1 200 OK\r\n'
export const sized = `${line}Content-Length: 5\r\n\r\nhello`
export const chunked = `${line}Transfer-Encoding: chunked\r\n\r\n`
export const withFields = (fields: string): string => `${line}${fields}Content-Length: 5\r\n\r\nhello`
export const controls = [...Array(32).keys(), 127].map((code) => String.fromCharCode(code))
