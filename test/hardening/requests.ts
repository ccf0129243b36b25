/**
 * Malformed and ambiguous requests, as bytes, with what a proxy owes its backends for each. `refused`: a 4xx, the
 * connection closed, nothing passed on. `broken`: the header section is fine but the content is not, so a backend may
 * have seen its beginning but never its end; the client gets a 4xx or sees the connection close. `served`: read in one
 * way, exactly once, though it looks odd.
 */

export interface RequestCase {
  readonly name: string
  /** A character a byte. */
  readonly bytes: string
  readonly expected: 'refused' | 'broken' | 'served'
  /** What goes wrong where it is let pass: a rule, an attack, an advisory. */
  readonly why: string
}

type Row = [name: string, bytes: string, why: string]

const H = 'Host: example.com\r\n'

/** A GET whose header section has `lines` in it. */
const get = (lines: string): string => `GET / HTTP/1.1\r\n${H}${lines}\r\n`
const post = (lines: string, content: string): string => `POST / HTTP/1.1\r\n${H}${lines}\r\n${content}`
const target = (text: string): string => `GET ${text} HTTP/1.1\r\n${H}\r\n`
const host = (text: string): string => `GET / HTTP/1.1\r\nHost: ${text}\r\n\r\n`
const length = (text: string): string => post(`Content-Length: ${text}\r\n`, 'abc')
const coding = (text: string): string => post(`Transfer-Encoding: ${text}\r\n`, '3\r\nabc\r\n0\r\n\r\n')
const chunks = (text: string): string => post('Transfer-Encoding: chunked\r\n', text)
const shown = (text: string): string => JSON.stringify(text)

const rfcTarget = 'RFC 9112 §3.2'
const rfcHost = 'RFC 9112 §3.2; routing by one host, serving another'
const rfcLength = 'RFC 9112 §6.3; CVE-2023-40225, CVE-2021-40346'
const rfcCoding = 'RFC 9112 §6.1; CVE-2022-32213, CVE-2022-32215'
const rfcField = 'RFC 9112 §5, RFC 9110 §5.5'
const rfcChunk = 'RFC 9112 §7.1; CVE-2024-22019, CVE-2023-39326'
const lines = 'RFC 9112 §2.2: a bare CR or LF ends a line for some and not for others'
const traversal = 'CVE-2019-9901: matched as one path, served as another'

const controls = [0, 1, 7, 8, 11, 12, 14, 27, 31, 127].map((code) => String.fromCharCode(code))

const startLines: Row[] = [
  ['HTTP/0.9', 'GET /\r\n\r\n', 'RFC 9112 §2.3'],
  ['HTTP/0.9 with a version', `GET / HTTP/0.9\r\n${H}\r\n`, 'RFC 9112 §2.3'],
  ['HTTP/2.0 in the version', `GET / HTTP/2.0\r\n${H}\r\n`, 'RFC 9112 §2.3'],
  ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'RFC 9113 §3.4'],
  ['HTTP/3.0', `GET / HTTP/3.0\r\n${H}\r\n`, 'RFC 9112 §2.3'],
  ['HTTP/1.2', `GET / HTTP/1.2\r\n${H}\r\n`, 'RFC 9112 §2.3'],
  ['HTTP/1.10', `GET / HTTP/1.10\r\n${H}\r\n`, 'RFC 9112 §2.3: one digit'],
  ['HTTP/01.1', `GET / HTTP/01.1\r\n${H}\r\n`, 'RFC 9112 §2.3: one digit'],
  ['HTTP/1,1', `GET / HTTP/1,1\r\n${H}\r\n`, 'RFC 9112 §2.3'],
  ['HTTP/1', `GET / HTTP/1\r\n${H}\r\n`, 'RFC 9112 §2.3'],
  ['HTTP /1.1', `GET / HTTP /1.1\r\n${H}\r\n`, 'RFC 9112 §2.3'],
  ['http/1.1 in lower case', `GET / http/1.1\r\n${H}\r\n`, 'RFC 9112 §2.3: case-sensitive'],
  ['HTTPS/1.1', `GET / HTTPS/1.1\r\n${H}\r\n`, 'RFC 9112 §2.3'],
  ['a version of another protocol', `GET / ICY/1.0\r\n${H}\r\n`, 'RFC 9112 §2.3'],
  ['RTSP DESCRIBE', `DESCRIBE / RTSP/1.0\r\n${H}\r\n`, 'another protocol that the parser knows'],
  ['RTSP SETUP', `SETUP / RTSP/1.0\r\n${H}\r\n`, 'another protocol that the parser knows'],
  ['RTSP GET_PARAMETER', `GET_PARAMETER / RTSP/1.0\r\n${H}\r\n`, 'another protocol that the parser knows'],
  ['a TLS client hello', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03', 'garbage'],
  ['an SSH banner', 'SSH-2.0-OpenSSH_9.6\r\n', 'garbage'],
  ['a response', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'garbage'],
  ['JSON', '{"a": 1}\r\n\r\n', 'garbage'],
  ['a Redis command', '*1\r\n$4\r\nPING\r\n', 'garbage'],
  ['an SMTP greeting', 'EHLO example.com\r\n\r\n', 'garbage'],
  ['NUL bytes', '\0\0\0\0\r\n\r\n', 'garbage'],
  ['a space before the method', ` GET / HTTP/1.1\r\n${H}\r\n`, 'RFC 9112 §3'],
  ['a tab after the method', `GET\t/ HTTP/1.1\r\n${H}\r\n`, 'RFC 9112 §3'],
  ['a space behind the version', `GET / HTTP/1.1 \r\n${H}\r\n`, 'RFC 9112 §3'],
  ['a space in the target', `GET /a b HTTP/1.1\r\n${H}\r\n`, 'RFC 9112 §3.2: SP splits the line anew'],
  ['a second request line in the target', `GET /a HTTP/1.1 HTTP/1.1\r\n${H}\r\n`, 'RFC 9112 §3.2'],
  ['a method in lower case', `get / HTTP/1.1\r\n${H}\r\n`, 'RFC 9110 §9.1: case-sensitive'],
  ['an unknown method', `GETT / HTTP/1.1\r\n${H}\r\n`, 'no agreement on its framing'],
  ['a method with a control character', `G\x01T / HTTP/1.1\r\n${H}\r\n`, 'RFC 9110 §9.1: token'],
  ['no method', ` / HTTP/1.1\r\n${H}\r\n`, 'RFC 9112 §3'],
  ['no target', `GET HTTP/1.1\r\n${H}\r\n`, rfcTarget],
  [
    'CONNECT',
    'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n',
    'RFC 9110 §9.3.6: a tunnel for anybody',
  ],
  ['CONNECT with content', `CONNECT a:1 HTTP/1.1\r\n${H}Content-Length: 3\r\n\r\nabc`, 'RFC 9110 §9.3.6'],
  ['CONNECT to a path', `CONNECT / HTTP/1.1\r\n${H}\r\n`, 'RFC 9110 §9.3.6'],
  ['TRACE', `TRACE / HTTP/1.1\r\n${H}\r\n`, 'RFC 9110 §9.3.8: echoes credentials'],
  ['a bare LF behind the request line', `GET / HTTP/1.1\n${H}\r\n`, lines],
  ['a bare CR behind the request line', `GET / HTTP/1.1\r${H}\r\n`, lines],
  ['CR CR LF behind the request line', `GET / HTTP/1.1\r\r\n${H}\r\n`, lines],
  ['bare LFs throughout', 'GET / HTTP/1.1\nHost: example.com\n\n', lines],
]

const targets: Row[] = [
  ...controls.map((c): Row => [`${shown(c)} in the target`, target(`/a${c}b`), rfcTarget]),
  ['a tab in the target', target('/a\tb'), rfcTarget],
  ['UTF-8 in the target', target('/\xc3\xa9'), rfcTarget],
  ['UTF-8 in the query', target('/?\xc3\xa9'), rfcTarget],
  ['a fragment', target('/a#b'), 'CVE-2023-45539: # read as part of the path or not'],
  ['a fragment in the query', target('/a?b#c'), 'CVE-2023-45539'],
  ['a fragment alone', target('#'), 'CVE-2023-45539'],
  ['a hash before an extension', target('/admin#.png'), 'CVE-2023-45539'],
  ['a relative target', target('a/b'), rfcTarget],
  ['a query without a path', target('?a'), rfcTarget],
  ['authority-form for GET', target('example.com:80'), rfcTarget],
  ['a star for GET', target('*'), 'RFC 9112 §3.2.4'],
  ['a path behind a star', `OPTIONS *a HTTP/1.1\r\n${H}\r\n`, 'RFC 9112 §3.2.4'],
  ['an ftp URL', target('ftp://example.com/'), rfcTarget],
  ['a file URL', target('file:///etc/passwd'), rfcTarget],
  ['a javascript URL', target('javascript:alert(1)'), rfcTarget],
  ['a URL without a host', target('http:///a'), rfcTarget],
  ['a URL with one slash', target('http:/example.com/'), rfcTarget],
  ['a URL with user information', target('http://user@example.com/'), rfcTarget],
  ['a URL with a password', target('http://user:pw@example.com/'), rfcTarget],
  ['a URL with an empty port', target('http://example.com:/'), rfcTarget],
  ['a URL with a wrong port', target('http://example.com:99999/'), rfcTarget],
  ['a URL of another host', target('http://other.example/'), `RFC 9112 §3.2.2; ${rfcHost}`],
  ['a URL of another port', target('http://example.com:81/'), 'RFC 9112 §3.2.2'],
  ['a URL with a backslash before the host', target('http:\\\\example.com/'), rfcTarget],
  ['a URL with a backslash behind the host', target('http://example.com\\@other/'), rfcTarget],
  ['a URL without Host', 'GET http://example.com/ HTTP/1.1\r\n\r\n', rfcHost],
]

const paths: Row[] = [
  '/..',
  '/../',
  '/../../etc/passwd',
  '/a/../../b',
  '/%2e%2e/a',
  '/%2E%2E/',
  '/.%2e/a',
  '/a/%2e%2e/%2e%2e/etc',
  '//../a',
  '/./../a',
  '/a%2fb',
  '/a%2F..%2Fadmin',
  '/..%2fadmin',
  '/%2f',
  '/a\\b',
  '/..\\admin',
  '/\\..\\admin',
  '/a%5c..%5cb',
  '/%5C',
  '/a;/../..',
  '/..;/admin',
  '/a/..;/admin',
  '/a/..;x=1/admin',
  '/a/.;/admin',
  '/;/admin',
  '/a/..%3b/admin',
  '/a/%2e%2e;/admin',
  '/a/%252e%252e/admin',
  '/a/%252e./admin',
  '/a/..%252fadmin',
  '/a/..%255cadmin',
  '/a/%25252e%25252e/admin',
  '/%00',
  '/admin%00.png',
  '/a%0d%0aX: y',
  '/a%0a',
  '/a%09b%0',
  '/%7f',
  '/%1b',
  '/%',
  '/%4',
  '/%zz',
  '/a%2',
  '/%u002e%u002e/admin',
  '/%-1',
  '/% 41',
].map((path) => [`path ${path}`, target(path), path.includes(' ') ? rfcTarget : traversal])

const hosts: Row[] = [
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', rfcHost],
  ['no Host but others', 'GET / HTTP/1.1\r\nX-Host: a\r\n\r\n', rfcHost],
  ['two Hosts', `GET / HTTP/1.1\r\n${H}Host: other.example\r\n\r\n`, rfcHost],
  ['the same Host twice', `GET / HTTP/1.1\r\n${H}${H}\r\n`, rfcHost],
  ['two Hosts in different case', `GET / HTTP/1.1\r\n${H}HOST: other.example\r\n\r\n`, rfcHost],
  ['two Hosts in HTTP/1.0', `GET / HTTP/1.0\r\n${H}Host: other.example\r\n\r\n`, rfcHost],
  ['two Hosts and a URL', `GET http://example.com/ HTTP/1.1\r\n${H}${H}\r\n`, rfcHost],
  ['a folded Host', 'GET / HTTP/1.1\r\nHost:\r\n example.com\r\n\r\n', 'RFC 9112 §5.2'],
  ['a Host with a space before the colon', 'GET / HTTP/1.1\r\nHost : example.com\r\n\r\n', 'RFC 9112 §5.1'],
  ['an indented Host', 'GET / HTTP/1.1\r\n Host: example.com\r\n\r\n', 'RFC 9112 §2.2'],
  ...[
    ...[
      '',
      ',',
      'a,b',
      'a, b',
      'a b',
      'user@a',
      'user:pw@a',
      '@a',
      'a@',
      'a/b',
      '/a',
      'a?b',
      'a#b',
      'a\\b',
      'a;b',
      '"a"',
    ],
    ...['a:', ':80', ':', 'a:b', 'a:0', 'a:65536', 'a:-1', 'a:80:80', 'a:80a', 'a: 80', 'a:080000', 'a:0x50', 'a:+80'],
    ...['.', '..', '.a', 'a..b', '[', ']', '[]', '[::1', '::1', '[::1]a', '[::1]:', '[1.2.3.4]', '[fe80::1%25eth0]'],
    ...[
      '[v1.a]',
      '[:::]',
      'a%00b',
      'a%2eb',
      '%61',
      'http://a',
      '//a',
      '*',
      '*.a',
      'a*',
      '{a}',
      '$a',
      '\xe9',
      '\xc3\xa9.example',
    ],
    ...["a'b", 'a|b', 'a^b', 'a`b', '<a>', 'a\tb', 'a,', 'localhost:80,', `${'a.'.repeat(200)}b`],
  ].map((text): Row => [`Host ${shown(text.slice(0, 40))}`, host(text), rfcHost]),
  ...controls.map((c): Row => [`${shown(c)} in Host`, host(`exam${c}ple.com`), rfcHost]),
]

const fields: Row[] = [
  ...controls.map((c): Row => [`${shown(c)} in a name`, get(`X${c}Y: a\r\n`), rfcField]),
  ...controls.map((c): Row => [`${shown(c)} in a value`, get(`X: a${c}b\r\n`), rfcField]),
  ...[...'()<>@,;\\"/[]?={} \t'].map(
    (c): Row => [`${shown(c)} in a name`, get(`X${c}Y: a\r\n`), 'RFC 9110 §5.6.2: token'],
  ),
  ['a UTF-8 name', get('\xc3\xa9: a\r\n'), 'RFC 9110 §5.6.2: token'],
  ['a space before the colon', get('X : a\r\n'), 'RFC 9112 §5.1 (MUST)'],
  ['a tab before the colon', get('X\t: a\r\n'), 'RFC 9112 §5.1 (MUST)'],
  ['no colon', get('X\r\n'), rfcField],
  ['no name', get(': a\r\n'), rfcField],
  ['a colon alone', get(':\r\n'), rfcField],
  ['a folded value', get('X: a\r\n b\r\n'), 'RFC 9112 §5.2'],
  ['a value folded with a tab', get('X: a\r\n\tb\r\n'), 'RFC 9112 §5.2'],
  ['a fold without content', get('X: a\r\n \r\n'), 'RFC 9112 §5.2'],
  ['a fold before any field', `GET / HTTP/1.1\r\n X: a\r\n${H}\r\n`, 'RFC 9112 §2.2'],
  ['a bare LF between fields', `GET / HTTP/1.1\r\n${H}X: a\nY: b\r\n\r\n`, lines],
  ['a bare CR between fields', `GET / HTTP/1.1\r\n${H}X: a\rY: b\r\n\r\n`, lines],
  ['a bare CR in a value', get('X: a\rb\r\n'), lines],
  ['CR CR LF between fields', get('X: a\r\r\n'), lines],
  ['a bare LF at the end of the section', `GET / HTTP/1.1\r\n${H}\n`, lines],
  ['LF CR at the end of the section', `GET / HTTP/1.1\r\n${H}\n\r`, lines],
  ['a bare CR at the end of the section', `GET / HTTP/1.1\r\n${H}\rX\r\n\r\n`, lines],
  ['a request hidden behind a bare LF', get('X: a\nGET /hidden HTTP/1.1\r\n'), lines],
  ['a request hidden behind a bare CR', get('X: a\rGET /hidden HTTP/1.1\r\n'), lines],
  ['101 fields', get('A: b\r\n'.repeat(101)), 'CVE-2026-21717; bounded memory'],
  ['3000 fields', get('A: b\r\n'.repeat(3000)), 'node drops those beyond 2000 silently'],
  ['a section of 40 kB', get(`X: ${'a'.repeat(40_000)}\r\n`), 'bounded memory'],
  ['a name of 40 kB', get(`${'a'.repeat(40_000)}: b\r\n`), 'bounded memory'],
  ['a target of 40 kB', target(`/${'a'.repeat(40_000)}`), 'bounded memory'],
  ['Expect of something else', post('Expect: 200-ok\r\nContent-Length: 3\r\n', 'abc'), 'RFC 9110 §10.1.1'],
  ['Expect twice', post('Expect: 100-continue\r\nExpect: x\r\nContent-Length: 3\r\n', 'abc'), 'RFC 9110 §10.1.1'],
  ['Expect with more', post('Expect: 100-continue, x\r\nContent-Length: 3\r\n', 'abc'), 'RFC 9110 §10.1.1'],
]

const framing: Row[] = [
  ...[
    '',
    '+3',
    '-3',
    '0x3',
    '3.0',
    '3e0',
    '3,3',
    '3, 3',
    '3,4',
    '3 3',
    '3;',
    '"3"',
    'three',
    '\x0b3',
    '3\x0c',
    '\xb3',
    '3_0',
  ].map((text): Row => [`Content-Length ${shown(text)}`, length(text), rfcLength]),
  ['Content-Length beyond 2^64', length('18446744073709551619'), rfcLength],
  ['Content-Length of 2^64 - 1', length('18446744073709551615'), rfcLength],
  ['Content-Length of 2^63', length('9223372036854775808'), rfcLength],
  ['Content-Length that a double cannot hold', length('9007199254740993'), rfcLength],
  ['Content-Length of many digits', length(`${'0'.repeat(40)}3`), rfcLength],
  ['Content-Length with a space before the colon', post('Content-Length : 3\r\n', 'abc'), rfcLength],
  ['a folded Content-Length', post('Content-Length:\r\n 3\r\n', 'abc'), rfcLength],
  ['Content-Length behind a control character', post('\x01Content-Length: 3\r\n', 'abc'), 'CVE-2023-25725'],
  ['an empty name before Content-Length', post(': x\r\nContent-Length: 3\r\n', 'abc'), 'CVE-2023-25725'],
  ['the same Content-Length twice', post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'), rfcLength],
  ['two Content-Lengths', post('Content-Length: 3\r\nContent-Length: 4\r\n', 'abcd'), rfcLength],
  ['two Content-Lengths in different case', post('Content-Length: 3\r\ncontent-length: 0\r\n', 'abc'), rfcLength],
  ['Content_Length', post('Content_Length: 3\r\n', 'abc'), 'CGI-like backends read _ as -'],
  [
    'Content_Length beside Content-Length',
    post('Content-Length: 3\r\nContent_Length: 0\r\n', 'abc'),
    'CGI-like backends',
  ],
  ...[
    ...[
      '',
      'identity',
      'gzip',
      'gzip, chunked',
      'chunked, gzip',
      'chunked, chunked',
      'chunked, identity',
      'identity, chunked',
    ],
    ...[
      'xchunked',
      'chunkedx',
      'chunk',
      '"chunked"',
      "'chunked'",
      'chunked;a=b',
      'chunked,',
      ',chunked',
      'chunked\x0b',
    ],
    ...[
      '\x0bchunked',
      '\x0cchunked',
      'chun\0ked',
      'cow',
      'chunked cow',
      'c hunked',
      'ch\xfcnked',
      '\xa0chunked',
      'trailers',
    ],
  ].map((text): Row => [`Transfer-Encoding ${shown(text)}`, coding(text), rfcCoding]),
  [
    'Transfer-Encoding twice',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    rfcCoding,
  ],
  [
    'TE.TE: identity, then chunked',
    post('Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    rfcCoding,
  ],
  [
    'TE.TE: chunked, then cow',
    post('Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n', '0\r\n\r\n'),
    rfcCoding,
  ],
  [
    'a space before the colon of Transfer-Encoding',
    post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
    'CVE-2022-32213',
  ],
  ['a folded Transfer-Encoding', post('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n'), 'CVE-2022-32215'],
  [
    'a Transfer-Encoding folded behind its value',
    post('Transfer-Encoding: chunked\r\n , x\r\n', '0\r\n\r\n'),
    'CVE-2022-32215',
  ],
  ['Transfer-Encoding behind a bare LF', post('X: y\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 'CVE-2022-32214'],
  ['Transfer-Encoding behind a bare CR', post('X: y\rTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 'CVE-2023-30589'],
  ['Transfer-Encoding behind a NUL', post('X: y\0\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), rfcCoding],
  ['an indented Transfer-Encoding', post('X: y\r\n Transfer-Encoding: chunked\r\n', '0\r\n\r\n'), rfcCoding],
  ['Transfer_Encoding', post('Transfer_Encoding: chunked\r\n', '0\r\n\r\n'), 'CGI-like backends read _ as -'],
  [
    'Transfer_Encoding beside Content-Length',
    post('Content-Length: 5\r\nTransfer_Encoding: chunked\r\n', '0\r\n\r\n'),
    'CGI-like',
  ],
  ['CL.TE', post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\nG'), 'CL.TE smuggling'],
  ['TE.CL', post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', '5c\r\nGPOST\r\n0\r\n\r\n'), 'TE.CL smuggling'],
  [
    'CL.0 with Transfer-Encoding',
    post('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    'CVE-2024-27982',
  ],
  ['TE.CL on GET', get('Transfer-Encoding: chunked\r\nContent-Length: 0\r\n'), 'TE.CL smuggling'],
  [
    'CL.TE with obfuscated chunked',
    post('Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n', '0\r\n\r\n'),
    'CL.TE smuggling',
  ],
  [
    'CL.TE with an empty Transfer-Encoding',
    post('Content-Length: 5\r\nTransfer-Encoding: \r\n', '0\r\n\r\n'),
    'CVE-2022-35256',
  ],
  [
    'chunked in HTTP/1.0',
    `POST / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'RFC 9112 §6.1: faulty framing',
  ],
  [
    'chunked DELETE in HTTP/1.0',
    `DELETE / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'CVE-2026-29057',
  ],
  [
    'identity and length in HTTP/1.0',
    `POST / HTTP/1.0\r\n${H}Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc`,
    rfcCoding,
  ],
]

const ws = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const v13 = 'Sec-WebSocket-Version: 13\r\n'
const rfcWs = 'RFC 6455 §4.2.1; CVE-2024-23326: a tunnel that nobody agreed to'

const upgrades: Row[] = [
  ['a handshake without a key', get(`${ws}${v13}`), rfcWs],
  ['a handshake without a version', get(`${ws}${key}`), rfcWs],
  ['a handshake of an old version', get(`${ws}${key}Sec-WebSocket-Version: 8\r\n`), rfcWs],
  ['a handshake of two versions', get(`${ws}${key}${v13}${v13}`), rfcWs],
  ['a handshake with two keys', get(`${ws}${key}${key}${v13}`), rfcWs],
  ['a handshake with a short key', get(`${ws}Sec-WebSocket-Key: YWJj\r\n${v13}`), rfcWs],
  ['a handshake with a key that is not base64', get(`${ws}Sec-WebSocket-Key: ${'!'.repeat(24)}\r\n${v13}`), rfcWs],
  ['a handshake by POST', post(`${ws}${key}${v13}`, ''), rfcWs],
  ['a handshake with content', post(`${ws}${key}${v13}Content-Length: 3\r\n`, 'abc'), rfcWs],
  ['a handshake with chunks', post(`${ws}${key}${v13}Transfer-Encoding: chunked\r\n`, '0\r\n\r\n'), rfcWs],
  ['a GET handshake with content', get(`${ws}${key}${v13}Content-Length: 30\r\n`), rfcWs],
  ['a handshake with two Hosts', get(`${H}${ws}${key}${v13}`), rfcHost],
  ['a handshake that climbs', `GET /../a HTTP/1.1\r\n${H}${ws}${key}${v13}\r\n`, traversal],
  [
    'a handshake with a hidden request',
    get(`${ws}Sec-WebSocket-Version: 777\r\n${key}`),
    'WebSocket smuggling by a wrong version',
  ],
]

const contents: Row[] = [
  ...['', 'x', '-3', '+3', '0x3', ' 3', '3 ', '\t3', '3\t', '3.0', 'g', '"3"', '3 ;a', '_3'].map(
    (size): Row => [`chunk size ${shown(size)}`, chunks(`${size}\r\nabc\r\n0\r\n\r\n`), rfcChunk],
  ),
  ['a chunk size beyond 2^64', chunks('10000000000000003\r\nabc\r\n0\r\n\r\n'), 'overflow: read as 3'],
  ['a chunk size of 17 digits', chunks('fffffffffffffffff\r\nabc\r\n0\r\n\r\n'), 'overflow'],
  ['a bare LF behind a chunk size', chunks('3\nabc\r\n0\r\n\r\n'), lines],
  ['a bare CR behind a chunk size', chunks('3\rabc\r\n0\r\n\r\n'), lines],
  ['CR CR LF behind a chunk size', chunks('3\r\r\nabc\r\n0\r\n\r\n'), lines],
  ['a bare LF behind a chunk', chunks('3\r\nabc\n0\r\n\r\n'), lines],
  ['nothing behind a chunk', chunks('3\r\nabc0\r\n\r\n'), rfcChunk],
  ['a chunk longer than its size', chunks('3\r\nabcd\r\n0\r\n\r\n'), rfcChunk],
  ['a chunk shorter than its size', chunks('5\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n'), rfcChunk],
  ['a bare LF behind the last chunk', chunks('3\r\nabc\r\n0\n\r\n'), lines],
  ['a bare LF at the end of the trailers', chunks('3\r\nabc\r\n0\r\n\n'), lines],
  ['a bare LF in a chunk extension', chunks('3;a\nabc\r\n0\r\n\r\n'), 'chunk extensions that hide a request'],
  ['a bare CR in a chunk extension', chunks('3;a\rb\r\nabc\r\n0\r\n\r\n'), 'chunk extensions that hide a request'],
  ['a control character in a chunk extension', chunks('3;a\x01\r\nabc\r\n0\r\n\r\n'), rfcChunk],
  ['a NUL in a chunk extension', chunks('3;a=\0\r\nabc\r\n0\r\n\r\n'), rfcChunk],
  ['a semicolon without an extension', chunks('3;\r\nabc\r\n0\r\n\r\n'), rfcChunk],
  ['an unfinished quote in a chunk extension', chunks('3;a="b\r\nabc\r\n0\r\n\r\n'), rfcChunk],
  ['a chunk extension of 20 kB', chunks(`3;${'a'.repeat(20_000)}\r\nabc\r\n0\r\n\r\n`), 'CVE-2024-22019'],
  ['3 MB of chunk extensions', chunks(`${`1;${'a'.repeat(15_000)}\r\nx\r\n`.repeat(200)}0\r\n\r\n`), 'CVE-2024-22019'],
  ['Content-Length in the trailers', chunks('3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n'), 'RFC 9110 §6.5.1'],
  [
    'Transfer-Encoding in the trailers',
    chunks('3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n'),
    'RFC 9110 §6.5.1',
  ],
  ['a folded trailer', chunks('3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n'), 'RFC 9112 §5.2'],
  ['an invalid trailer name', chunks('3\r\nabc\r\n0\r\nX Y: a\r\n\r\n'), rfcField],
  ['a NUL in a trailer', chunks('3\r\nabc\r\n0\r\nX: a\0\r\n\r\n'), rfcField],
  ['a trailer without a colon', chunks('3\r\nabc\r\n0\r\nX\r\n\r\n'), rfcField],
  ['a bare LF in the trailers', chunks('3\r\nabc\r\n0\r\nX: a\nY: b\r\n\r\n'), lines],
  ['200 trailers', chunks(`3\r\nabc\r\n0\r\n${'X: a\r\n'.repeat(200)}\r\n`), 'bounded memory'],
  ['40 kB of trailers', chunks(`3\r\nabc\r\n0\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`), 'bounded memory'],
  ['a request where a chunk should be', chunks('GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n'), 'smuggling'],
]

const odd: Row[] = [
  ['empty lines before the request', `\r\n\r\n${get('')}`, 'RFC 9112 §2.2'],
  ['HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', rfcHost],
  ['HTTP/1.0 with Host', `GET / HTTP/1.0\r\n${H}\r\n`, rfcHost],
  ['absolute-form', target('http://example.com/a'), 'RFC 9112 §3.2.2 (MUST accept)'],
  ['absolute-form with the default port', target('http://EXAMPLE.com:80/a'), 'RFC 9110 §4.2.3'],
  ['absolute-form without a path', target('http://example.com'), 'RFC 9112 §3.2.1'],
  ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${H}\r\n`, 'RFC 9112 §3.2.4'],
  ['an empty query', target('/?'), 'RFC 3986 §3.4'],
  ['a query of odd characters', target('/?a=//../%2e%zz\\;|"<>{}^`[]'), 'data of the application'],
  ['dot segments', target('/a/../b/./c'), 'RFC 3986 §6.2.2.3'],
  ['encoded dots', target('/a/%2e%2e/b'), 'RFC 3986 §6.2.2.2'],
  ['double slashes', target('//a///b'), 'one normal form'],
  ['encoded UTF-8', target('/%c3%a9'), 'RFC 3986 §2.5'],
  ['path parameters', target('/a;b=c/d;e'), 'RFC 3986 §3.3'],
  ['doubly encoded slashes', target('/job/feature%252Fx'), 'data of the application'],
  ['brackets and pipes in a path', target('/a[1]|b'), 'sent encoded'],
  ['a long target', target(`/${'a'.repeat(8000)}`), 'RFC 9112 §3: at least 8000'],
  ['99 fields', get('A: b\r\n'.repeat(99)), 'the limit'],
  ['an empty value', get('X:\r\n'), 'RFC 9110 §5.5'],
  ['spaces around a value', get('X:  \t a \t \r\n'), 'RFC 9112 §5.1'],
  ['no space before a value', get('X:a\r\n'), 'RFC 9112 §5.1'],
  ['obs-text in a value', get('X: \xe9\xff\r\n'), 'RFC 9110 §5.5'],
  ['odd names', get("!#$%&'*+.^_`|~0: a\r\n"), 'RFC 9110 §5.6.2'],
  ['__proto__ as a name', get('__proto__: a\r\n'), 'CVE-2026-21710'],
  [
    'constructor and toString as names',
    get('constructor: a\r\ntoString: b\r\nhasOwnProperty: c\r\n'),
    'CVE-2026-21710',
  ],
  ['numeric names', get('0: a\r\n1: b\r\n18446744073709551615: c\r\n'), 'CVE-2026-21717'],
  ['repeated fields', get('X: a\r\nX: b\r\nx: c\r\n'), 'RFC 9110 §5.3'],
  [
    'identity claims',
    get('X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-Original-URL: /admin\r\n'),
    'dropped',
  ],
  ['Connection that names our fields', get('Connection: close, X-Forwarded-For, Host, Via\r\n'), 'hop-by-hop abuse'],
  ['a WebSocket asked for without Connection', get(`Upgrade: websocket\r\n${key}${v13}`), 'RFC 9110 §7.8: no upgrade'],
  ['a WebSocket asked for in HTTP/1.0', `GET / HTTP/1.0\r\n${H}${ws}${key}${v13}\r\n`, 'RFC 9110 §7.8: ignored'],
  [
    'h2c asked for',
    get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n'),
    'h2c smuggling: ignored',
  ],
  ['a list of upgrades', get('Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n'), 'RFC 9110 §7.8: ignored'],
  ['TLS asked for', get('Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n'), 'RFC 9110 §7.8: ignored'],
  [
    'content of a GET',
    `GET / HTTP/1.1\r\n${H}Content-Length: 3\r\n\r\nabc`,
    'CL.0: read, not left for the next request',
  ],
  ['Content-Length: 0', post('Content-Length: 0\r\n', ''), rfcLength],
  ['Content-Length with leading zeros', length('003'), 'RFC 9112 §6.2: 1*DIGIT'],
  ['Content-Length with spaces around', length(' 3\t'), 'RFC 9112 §5.1'],
  ['chunked in another case', coding('Chunked'), 'RFC 9112 §7'],
  ['a tab before chunked', post('Transfer-Encoding:\tchunked\r\n', '0\r\n\r\n'), 'RFC 9112 §5.1'],
  [
    'chunked DELETE',
    `DELETE / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    'CVE-2026-29057',
  ],
  ['chunked OPTIONS', `OPTIONS / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'CVE-2026-29057'],
  ['chunked HEAD', `HEAD / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'framed anew'],
  ['chunk sizes with leading zeros', chunks('0003\r\nabc\r\n000\r\n\r\n'), 'RFC 9112 §7.1: 1*HEXDIG'],
  ['chunk sizes in both cases', chunks('0a\r\n0123456789\r\n0A\r\n0123456789\r\n0\r\n\r\n'), 'RFC 9112 §7.1'],
  ['chunk extensions', chunks('3;a=b;c="d e"\r\nabc\r\n0;x\r\n\r\n'), 'RFC 9112 §7.1.1: ignored'],
  [
    'a kilobyte of extensions for each chunk',
    chunks(`${`1;${'a'.repeat(1000)}\r\nx\r\n`.repeat(20)}0\r\n\r\n`),
    'bounded',
  ],
  ['trailers', chunks('3\r\nabc\r\n0\r\nX: a\r\n\r\n'), 'RFC 9112 §7.1.2'],
  ['Host in the trailers', chunks('3\r\nabc\r\n0\r\nHost: other\r\n\r\n'), 'RFC 9110 §6.5.1: dropped'],
  ['QUERY with content', `QUERY / HTTP/1.1\r\n${H}Content-Length: 3\r\n\r\nabc`, 'RFC 10008'],
  ['PROPFIND', `PROPFIND / HTTP/1.1\r\n${H}Depth: 1\r\n\r\n`, 'unusual methods pass'],
  [
    '100-continue with content at once',
    post('Expect: 100-continue\r\nContent-Length: 3\r\n', 'abc'),
    'RFC 9110 §10.1.1',
  ],
  ['an IPv6 Host', host('[::1]:8080'), 'RFC 3986 §3.2.2'],
  ['a Host with an underscore', host('my_service:3000'), 'container networks'],
  ['a Host with a final dot', host('example.com.'), 'RFC 1034 §3.1'],
]

const rows = (list: Row[], expected: RequestCase['expected']): RequestCase[] =>
  list.map(([name, bytes, why]) => ({ name, bytes, expected, why }))

export const requestCases: readonly RequestCase[] = [
  ...rows([...startLines, ...targets, ...paths, ...hosts, ...fields, ...framing, ...upgrades], 'refused'),
  ...rows(contents, 'broken'),
  ...rows(odd, 'served'),
]
