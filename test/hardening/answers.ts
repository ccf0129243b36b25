/**
 * Answers that a backend should not give, and odd ones that are right, as a table: framing, status lines, fields, chunks
 * and broken ends (RFC 9112 §2, §4, §6, §7, §8; RFC 9110 §5, §6.4.1, §15). A `bad` one must reach the client as a 502 or
 * as a visible truncation, and its connection must not be used again; an `ok` one must be read in just one way.
 */
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

const bad = (name: string, bytes: string, rest: Rest = {}): AnswerCase => ({
  method: 'GET',
  ending: 'stay',
  ...rest,
  name,
  bytes,
  expected: 'bad',
})

const ok = (name: string, bytes: string, rest: Rest = {}): AnswerCase => ({
  method: 'GET',
  ending: 'stay',
  status: 200,
  body: 'hello',
  ...rest,
  name,
  bytes,
  expected: 'ok',
})

const show = (text: string): string => JSON.stringify(text).slice(1, -1)
const line = 'HTTP/1.1 200 OK\r\n'
const sized = `${line}Content-Length: 5\r\n\r\nhello`
const chunked = `${line}Transfer-Encoding: chunked\r\n\r\n`
const withFields = (fields: string): string => `${line}${fields}Content-Length: 5\r\n\r\nhello`
const controls = [...Array(32).keys(), 127].map((code) => String.fromCharCode(code))

const statusLines: AnswerCase[] = [
  ...[
    '099',
    '000',
    '001',
    '010',
    '99',
    '9',
    '0200',
    '2000',
    '1200',
    '20',
    '2',
    '',
    '-200',
    '+200',
    '2e2',
    '0xc8',
    '20O',
    '2 00',
    ' 200',
    '200.0',
    'OK',
    '\u00b2\u00b00',
  ].map((status) => bad(`status "${show(status)}"`, `HTTP/1.1 ${status} OK\r\nContent-Length: 5\r\n\r\nhello`)),
  ...['100', '101', '101 Switching Protocols'].map((status) =>
    bad(`status ${status} that nobody asked for`, `HTTP/1.1 ${status}\r\n\r\n${sized}`),
  ),
  bad(
    '101 to a WebSocket that nobody asked for',
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n${sized}`,
  ),
  bad(
    '101 to h2c that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI * HTTP/2.0\r\n\r\n',
  ),
  ...[
    'HTTP/1.1',
    'HTTP/1.1200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1  200 OK',
    ' HTTP/1.1 200 OK',
    'HTTP/11 200 OK',
    'HTTP/1 200 OK',
    'HTTP/1. 200 OK',
    'HTTP/.1 200 OK',
    'HTTP/1.10 200 OK',
    'HTTP/01.1 200 OK',
    'HTTP/3.0 200 OK',
    'HTTP/9.9 200 OK',
    'HTTP/a.b 200 OK',
    'HTTP 1.1 200 OK',
    'HTTP/1,1 200 OK',
    'HTTP//1.1 200 OK',
    'http/1.1 200 OK',
    'Http/1.1 200 OK',
    'HTTPS/1.1 200 OK',
    'HTP/1.1 200 OK',
    'ICY 200 OK',
    'SIP/2.0 200 OK',
    'GET / HTTP/1.1',
    'PRI * HTTP/2.0',
    '200 OK',
    'SSH-2.0-OpenSSH_9.6',
    '220 mail.example.com ESMTP',
    '-ERR unknown command',
    '+OK',
    '<html>',
    '{"status":200}',
    '\x16\x03\x01\x02\x00\x01\x00',
    '\x00\x00\x12\x04\x00\x00\x00\x00\x00',
    '\x00HTTP/1.1 200 OK',
    '\xef\xbb\xbfHTTP/1.1 200 OK',
  ].map((start) => bad(`start line "${show(start)}"`, `${start}\r\nContent-Length: 5\r\n\r\nhello`)),
  ...controls
    .filter((control) => control !== '\t' && control !== '\n' && control !== '\r')
    .map((control) =>
      bad(`reason phrase with ${show(control)}`, `HTTP/1.1 200 O${control}K\r\nContent-Length: 5\r\n\r\nhello`),
    ),
  bad('reason phrase with a bare CR', 'HTTP/1.1 200 O\rK\r\nContent-Length: 5\r\n\r\nhello'),
  bad('status line that ends in CR CR LF', 'HTTP/1.1 200 OK\r\r\nContent-Length: 5\r\n\r\nhello'),
  bad('status line that ends in CR', 'HTTP/1.1 200 OK\rContent-Length: 5\r\n\r\nhello'),
  // The parser does not say which protocol and version it saw; there is one reading of them all.
  ...['HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'RTSP/1.0'].map((version) =>
    ok(`${version} in the status line`, `${version} 200 OK\r\nContent-Length: 5\r\n\r\nhello`),
  ),
  ok('no reason phrase', 'HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello'),
  ok('no reason phrase and no space', 'HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello'),
  ok('reason phrase of Latin-1', 'HTTP/1.1 200 \xc3\xa9\r\nContent-Length: 5\r\n\r\nhello'),
  ok('reason phrase with a tab', 'HTTP/1.1 200 a\tb\r\nContent-Length: 5\r\n\r\nhello'),
  ok('empty lines before the status line', `\r\n\r\n${sized}`),
  ...[200, 201, 206, 226, 299, 300, 308, 399, 400, 404, 418, 451, 499, 500, 503, 599, 600, 799, 999].map((status) =>
    ok(`status ${status}`, `HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\nhello`, { status }),
  ),
]

const lengths: AnswerCase[] = [
  ...[
    '-5',
    '+5',
    '5,5',
    '5, 5',
    '5,',
    ',5',
    '5 5',
    '5;',
    '0x5',
    '5.0',
    '5e0',
    'five',
    '"5"',
    '',
    ' ',
    '5\t5',
    '\xb2',
    '5\x00',
    '\x0b5',
    '9007199254740993',
    '18446744073709551616',
    '18446744073709551621',
    '99999999999999999999999999',
    '1'.repeat(300),
  ].map((length) =>
    bad(`Content-Length "${show(length.slice(0, 30))}"`, `${line}Content-Length: ${length}\r\n\r\nhello`),
  ),
  bad('Content-Length twice, different', withFields('Content-Length: 3\r\n')),
  bad('Content-Length twice, the same', withFields('Content-Length: 5\r\n')),
  bad('Content-Length twice, in another case', withFields('content-length: 5\r\n')),
  bad('Content-Length twice, one empty', withFields('Content-Length: \r\n')),
  bad('Content-Length three times', withFields('Content-Length: 5\r\nX: 1\r\nContent-Length: 5\r\n')),
  ...['chunked', 'Chunked', 'identity', 'gzip', 'x', ''].flatMap((coding) => [
    bad(
      `Content-Length before Transfer-Encoding "${coding}"`,
      `${line}Content-Length: 5\r\nTransfer-Encoding: ${coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    ),
    bad(
      `Content-Length after Transfer-Encoding "${coding}"`,
      `${line}Transfer-Encoding: ${coding}\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    ),
  ]),
  ok('Content-Length with zeros in front', `${line}Content-Length: 0005\r\n\r\nhello`),
  ok('Content-Length with spaces in front', `${line}Content-Length:   5\r\n\r\nhello`),
  // Valid (RFC 9112 §5.1), but undici takes the space for a digit; better no answer than half of one.
  bad('Content-Length with a space behind', `${line}Content-Length: 5 \r\n\r\nhello`),
  ok('Content-Length 0', `${line}Content-Length: 0\r\n\r\n`, { body: '' }),
]

const codings: AnswerCase[] = [
  ...[
    'identity',
    'gzip',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, chunked',
    'chunked,',
    ',chunked',
    'chunked;q=1',
    'chunked foo',
    'xchunked',
    'chunkedx',
    'chunk',
    '"chunked"',
    '\x0bchunked',
    'chunked\x00',
    'chu nked',
    'c\u0068unked\xa0',
    '',
    'trailers',
    'cow',
  ].map((coding) =>
    bad(`Transfer-Encoding "${show(coding)}"`, `${line}Transfer-Encoding: ${coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
  ),
  bad(
    'Transfer-Encoding twice',
    `${line}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  ),
  bad(
    'Transfer-Encoding twice, identity first',
    `${line}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  ),
  bad(
    'Transfer-Encoding twice, gzip last',
    `${line}Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  ),
  bad('Transfer-Encoding folded', `${line}Transfer-Encoding:\r\n chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
  bad(
    'Transfer-Encoding with a space before the colon',
    `${line}Transfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  ),
  ok('Transfer-Encoding in capitals', `${line}TRANSFER-ENCODING: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, {
    headers: [],
  }),
  ok('Transfer-Encoding with spaces around', `${line}Transfer-Encoding:   chunked  \r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
  ok(
    'a look-alike of Transfer-Encoding is just a field',
    `${line}Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello`,
  ),
]

const fields: AnswerCase[] = [
  ...controls
    .filter((control) => control !== '\t' && control !== '\n' && control !== '\r')
    .map((control) => bad(`field value with ${show(control)}`, withFields(`X-A: a${control}b\r\n`))),
  ...controls
    .filter((control) => control !== '\n' && control !== '\r')
    .map((control) => bad(`field name with ${show(control)}`, withFields(`X${control}A: b\r\n`))),
  ...[...' "(),/;<=>?@[\\]{}'].map((char) => bad(`field name with ${char}`, withFields(`X${char}A: b\r\n`))),
  ...['\x80', '\xc3\xa9', '\xff'].map((char) => bad(`field name with ${show(char)}`, withFields(`X${char}A: b\r\n`))),
  bad('field value with a bare CR', withFields('X-A: a\rb\r\n')),
  bad('field value with a bare CR and another field', withFields('X-A: a\rX-B: b\r\n')),
  bad('field line that ends in CR CR LF', withFields('X-A: a\r\r\n')),
  bad('field line that ends in CR', withFields('X-A: a\r')),
  bad('field without a colon', withFields('X-A\r\n')),
  bad('field without a name', withFields(': a\r\n')),
  bad('field with a space before its name', `HTTP/1.1 200 OK\r\n X-A: a\r\nContent-Length: 5\r\n\r\nhello`),
  bad('field with a space before the colon', withFields('X-A : a\r\n')),
  bad('field with a tab before the colon', withFields('X-A\t: a\r\n')),
  bad('folded field', withFields('X-A: a\r\n b\r\n')),
  bad('folded field with a tab', withFields('X-A: a\r\n\tb\r\n')),
  bad('field section of 100 kB', withFields(`X-A: ${'a'.repeat(100_000)}\r\n`)),
  bad('field section of 10 000 fields', withFields('X-A: abcdefgh\r\n'.repeat(10_000))),
  bad('field section without an end', `${line}X-A: ${'a'.repeat(200_000)}`),
  bad('field section that stops', `${line}X-A: a\r\n`, { ending: 'FIN' }),
  bad('field section that stops in a name', `${line}X-`, { ending: 'FIN' }),
  bad('nothing but the end', '', { ending: 'FIN' }),
  bad('nothing but a reset', '', { ending: 'RST' }),
  bad('nothing but empty lines', '\r\n\r\n', { ending: 'FIN' }),
  ok('a field named __proto__', withFields('__proto__: a\r\n'), { headers: ['__proto__', 'a', 'Content-Length', '5'] }),
  ok('fields named like properties', withFields('constructor: a\r\ntoString: b\r\nhasOwnProperty: c\r\n'), {
    headers: ['constructor', 'a', 'toString', 'b', 'hasOwnProperty', 'c', 'Content-Length', '5'],
  }),
  ok('a field named __proto__ twice', withFields('__proto__: a\r\n__proto__: b\r\n'), {
    headers: ['__proto__', 'a', '__proto__', 'b', 'Content-Length', '5'],
  }),
  ok('empty values', withFields('X-A:\r\nX-B: \r\nX-C: \t\r\n'), {
    headers: ['X-A', '', 'X-B', '', 'X-C', '', 'Content-Length', '5'],
  }),
  ok('values of Latin-1', withFields('X-A: \xe9\x80\xff\r\n'), {
    headers: ['X-A', '\xe9\x80\xff', 'Content-Length', '5'],
  }),
  ok('values with colons, commas, quotes', withFields('X-A: a:b,"c;d"\\\r\n'), {
    headers: ['X-A', 'a:b,"c;d"\\', 'Content-Length', '5'],
  }),
  ok('several Set-Cookie, in order and case', withFields('Set-Cookie: a=1\r\nset-cookie: b=2\r\nSET-COOKIE: a=1\r\n'), {
    headers: ['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'SET-COOKIE', 'a=1', 'Content-Length', '5'],
  }),
  ok('every character of a token as a name', withFields("!#$%&'*+-.^_`|~09azAZ: a\r\n"), {
    headers: ["!#$%&'*+-.^_`|~09azAZ", 'a', 'Content-Length', '5'],
  }),
  ok('fields of one connection only', withFields('Connection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n'), {
    headers: ['Content-Length', '5'],
  }),
  ok(
    'Connection that names what must stay',
    withFields('Connection: Set-Cookie, Cache-Control\r\nSet-Cookie: a\r\nCache-Control: private\r\n'),
    {
      headers: ['Set-Cookie', 'a', 'Cache-Control', 'private', 'Content-Length', '5'],
    },
  ),
]

const chunks: AnswerCase[] = [
  ...[
    'g',
    '-5',
    '+5',
    ' 5',
    '0x5',
    '5 ',
    '5\t',
    '5 5',
    '5,',
    '',
    ';',
    '\x005',
    '\xb2',
    'fffffffffffffffff',
    '10000000000000005',
    '100000000000000000000000000000005',
    '5\r',
    '5\n',
    '\n5',
    '5;\x00',
    '5;a\r',
    '5;a\nb',
  ].map((size) => bad(`chunk size "${show(size)}"`, `${chunked}${size}\r\nhello\r\n0\r\n\r\n`, { ending: 'FIN' })),
  bad('chunk size that ends in LF', `${chunked}5\nhello\r\n0\r\n\r\n`, { ending: 'FIN' }),
  bad('chunk size that ends in CR', `${chunked}5\rhello\r\n0\r\n\r\n`, { ending: 'FIN' }),
  bad('chunk longer than its size', `${chunked}3\r\nhello\r\n0\r\n\r\n`, { ending: 'FIN' }),
  bad('chunk shorter than its size', `${chunked}7\r\nhello\r\n0\r\n\r\n`, { ending: 'FIN' }),
  bad('chunk data that ends in LF', `${chunked}5\r\nhello\n0\r\n\r\n`, { ending: 'FIN' }),
  bad('chunk data that ends in CR', `${chunked}5\r\nhello\r0\r\n\r\n`, { ending: 'FIN' }),
  bad('chunk data that ends in nothing', `${chunked}5\r\nhello0\r\n\r\n`, { ending: 'FIN' }),
  bad('chunk data that ends in two CRLF', `${chunked}5\r\nhello\r\n\r\n0\r\n\r\n`, { ending: 'FIN' }),
  bad('last chunk that ends in LF LF', `${chunked}5\r\nhello\r\n0\n\n`, { ending: 'FIN' }),
  bad('last chunk of minus zero', `${chunked}5\r\nhello\r\n-0\r\n\r\n`, { ending: 'FIN' }),
  bad('no last chunk', `${chunked}5\r\nhello\r\n`, { ending: 'FIN' }),
  bad('no last chunk, but a reset', `${chunked}5\r\nhello\r\n`, { ending: 'RST' }),
  bad('last chunk without its end', `${chunked}5\r\nhello\r\n0\r\n`, { ending: 'FIN' }),
  bad('last chunk without its end, but a reset', `${chunked}5\r\nhello\r\n0\r\n`, { ending: 'RST' }),
  bad('end inside a chunk', `${chunked}5\r\nhel`, { ending: 'FIN' }),
  bad('end inside a chunk size', `${chunked}5`, { ending: 'FIN' }),
  bad('end before the first chunk', chunked, { ending: 'FIN' }),
  bad('no chunks at all', `${chunked}hello`, { ending: 'FIN' }),
  bad('end inside a trailer', `${chunked}5\r\nhello\r\n0\r\nX-A: a`, { ending: 'FIN' }),
  bad('trailer with NUL', `${chunked}5\r\nhello\r\n0\r\nX-A: \x00\r\n\r\n`),
  bad('trailer with a bare CR', `${chunked}5\r\nhello\r\n0\r\nX-A: a\rb\r\n\r\n`),
  bad('trailer without a colon', `${chunked}5\r\nhello\r\n0\r\nX-A\r\n\r\n`),
  bad('trailer with a space in its name', `${chunked}5\r\nhello\r\n0\r\nX A: a\r\n\r\n`),
  bad('trailer section of 100 kB', `${chunked}5\r\nhello\r\n0\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`),
  bad('chunk extension of 100 kB without an end', `${chunked}5;${'a'.repeat(100_000)}`, { ending: 'FIN' }),
  ok('one chunk', `${chunked}5\r\nhello\r\n0\r\n\r\n`),
  ok('chunk after chunk', `${chunked}1\r\nh\r\n1\r\ne\r\n3\r\nllo\r\n0\r\n\r\n`),
  ok('chunk size with zeros in front', `${chunked}0005\r\nhello\r\n000\r\n\r\n`),
  ok('chunk size in capitals', `${chunked}A\r\nhellohello\r\n0\r\n\r\n`, { body: 'hellohello' }),
  ok('chunk extensions', `${chunked}5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n`),
  ok('no content', `${chunked}0\r\n\r\n`, { body: '' }),
  ok('trailers', `${chunked}5\r\nhello\r\n0\r\nX-A: a\r\nX-B: b\r\n\r\n`),
  ok('chunk data like a last chunk', `${chunked}7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n`, { body: '\r\n0\r\n\r\n' }),
]

const another = `${line}Content-Length: 4\r\n\r\nevil`

const contents: AnswerCase[] = [
  bad('content shorter than its length', `${line}Content-Length: 9\r\n\r\nhello`, { ending: 'FIN' }),
  bad('content shorter than its length, and a reset', `${line}Content-Length: 9\r\n\r\nhello`, { ending: 'RST' }),
  bad('no content in spite of its length', `${line}Content-Length: 9\r\n\r\n`, { ending: 'FIN' }),
  bad('content shorter than its length, to be closed', `${line}Connection: close\r\nContent-Length: 9\r\n\r\nhello`, {
    ending: 'FIN',
  }),
  bad('content shorter than its length of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhello', {
    ending: 'FIN',
  }),
  bad('content without a length, and a reset', `${line}\r\nhello`, { ending: 'RST' }),
  bad('content of HTTP/1.0 without a length, and a reset', 'HTTP/1.0 200 OK\r\n\r\nhello', { ending: 'RST' }),
  ok('content without a length', `${line}\r\nhello`, { ending: 'FIN' }),
  ok('content without a length, to be closed', `${line}Connection: close\r\n\r\nhello`, { ending: 'FIN' }),
  ok('content of HTTP/1.0 without a length', 'HTTP/1.0 200 OK\r\n\r\nhello', { ending: 'FIN' }),
  ok('content of HTTP/1.0 with a length', 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  ok('content longer than its length', `${sized} and more`),
  ok('another answer behind the first', `${sized}${another}`),
  ok('another answer behind chunks', `${chunked}5\r\nhello\r\n0\r\n\r\n${another}`),
  ok('garbage behind the answer', `${sized}\x00\x00\x00`),
  ok('line ends behind the answer', `${sized}\r\n\r\n`),
  ...['HEAD'].flatMap((method) => [
    ok('content in answer to HEAD', sized, { method, body: '', headers: ['Content-Length', '5'] }),
    ok('chunks in answer to HEAD', `${chunked}5\r\nhello\r\n0\r\n\r\n`, { method, body: '' }),
    ok('an answer in the content of an answer to HEAD', `${line}Content-Length: 42\r\n\r\n${another}`, {
      method,
      body: '',
    }),
    ok('answer to HEAD without a length', `${line}\r\n`, { method, body: '' }),
    ok('answer to HEAD with Transfer-Encoding', chunked, { method, body: '', headers: [] }),
    bad('answer to HEAD with both lengths', `${line}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, {
      method,
    }),
    bad('answer to HEAD with two lengths', `${line}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`, { method }),
  ]),
  ...[204, 304].flatMap((status) => [
    ok(`${status}`, `HTTP/1.1 ${status} X\r\n\r\n`, { status, body: '' }),
    ok(`${status} with content`, `HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\nhello`, { status, body: '' }),
    ok(`${status} with chunks`, `HTTP/1.1 ${status} X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, {
      status,
      body: '',
      headers: [],
    }),
    ok(`${status} with an answer behind it`, `HTTP/1.1 ${status} X\r\n\r\n${another}`, { status, body: '' }),
    ok(`${status} with an answer as its content`, `HTTP/1.1 ${status} X\r\nContent-Length: 42\r\n\r\n${another}`, {
      status,
      body: '',
    }),
    bad(`${status} with two lengths`, `HTTP/1.1 ${status} X\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`),
  ]),
  ok('204 loses its Content-Length', 'HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n', {
    status: 204,
    body: '',
    headers: [],
  }),
  ok('304 keeps its Content-Length', 'HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n', {
    status: 304,
    body: '',
    headers: ['Content-Length', '5'],
  }),
  ok('205 with no content', 'HTTP/1.1 205 X\r\nContent-Length: 0\r\n\r\n', { status: 205, body: '' }),
]

const interims: AnswerCase[] = [
  ...[102, 103, 104, 150, 199].map((status) =>
    ok(`${status} before the answer`, `HTTP/1.1 ${status} X\r\nX: 1\r\n\r\n${sized}`),
  ),
  ok('many interim answers', `${'HTTP/1.1 103 X\r\nLink: a\r\n\r\n'.repeat(50)}${sized}`),
  ok('interim answer with a Content-Length', `HTTP/1.1 103 X\r\nContent-Length: 5\r\n\r\n${sized}`),
  bad('interim answer with content', `HTTP/1.1 103 X\r\nContent-Length: 4\r\n\r\nevil${sized}`),
  bad('interim answer and no other', 'HTTP/1.1 103 X\r\n\r\n', { ending: 'FIN' }),
  bad('interim answer with NUL', `HTTP/1.1 103 X\r\nX: \x00\r\n\r\n${sized}`),
  bad('interim answer with a bare CR', `HTTP/1.1 103 X\r\nX: a\rb\r\n\r\n${sized}`),
  bad('100 after 103', `HTTP/1.1 103 X\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${sized}`),
  bad('101 after 103', `HTTP/1.1 103 X\r\n\r\nHTTP/1.1 101 X\r\n\r\n${sized}`),
  bad('garbage after 103', 'HTTP/1.1 103 X\r\n\r\ngarbage\r\n\r\n'),
]

export const answerCases: readonly AnswerCase[] = [
  ...statusLines,
  ...lengths,
  ...codings,
  ...fields,
  ...chunks,
  ...contents,
  ...interims,
]
