/** Answers by their status lines and fields (RFC 9112 §4, RFC 9110 §5, §15). */
import { type AnswerCase, bad, controls, line, ok, show, sized, withFields } from './answer-case.ts'

export const statusLines: AnswerCase[] = [
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

export const fields: AnswerCase[] = [
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
