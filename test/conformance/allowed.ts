/** The tests of the public suite that this cache does not pass, by the reason why it does not. */

export interface Allowed {
  readonly because: string
  /**
   * `us`: this cache does something else, on purpose. `release`: the release asks for what RFC 9111 does not, or its test
   * cannot be passed, and later versions of the same test have put that right.
   */
  readonly liesWith: 'us' | 'release'
  readonly ids: readonly string[]
}

const cookies =
  'An answer with `Set-Cookie` is not stored for others unless the origin says `public`: what one user was given must not reach the next.'
const transferEncoding =
  'An unknown `Transfer-Encoding` is refused with 502, since where such a body ends is anybody’s guess (RFC 9112 §6.3).'
const noDate =
  'The stored answer has to be sent: by the only date that it has (`Date`, RFC 9111 §4.3.2) it is newer than the one asked about.'

/** Ranges are answered from whole stored objects; parts are not stored. */
const parts: readonly Allowed[] = [
  {
    because:
      'Their part says `Content-Range: bytes 4-9/10`, which is six bytes, and brings five: which ones is anybody’s guess, so they must not be given to anybody else.',
    liesWith: 'us',
    ids: [
      ...['partial-store-partial-reuse-partial', 'partial-store-partial-reuse-partial-byterange'],
      ...['partial-store-partial-reuse-partial-absent', 'partial-store-partial-reuse-partial-suffix'],
    ],
  },
  {
    because:
      'Its part has no validator, without which it may not be combined with another (RFC 9111 §3.4): what is missing would be fetched for nothing.',
    liesWith: 'us',
    ids: ['partial-store-partial-complete'],
  },
]

/** Of npm release 0.4.5. */
export const allowed: readonly Allowed[] = [
  {
    because: cookies,
    liesWith: 'us',
    ids: ['headers-store-Set-Cookie', '304-etag-update-response-Set-Cookie', 'other-set-cookie'],
  },
  { because: transferEncoding, liesWith: 'us', ids: ['headers-store-Transfer-Encoding'] },
  { because: noDate, liesWith: 'us', ids: ['conditional-lm-fresh-no-lm'] },
  ...parts,
  {
    because:
      'The release wants an answer with a malformed `Age`, or with two, taken for stale. RFC 9111 §5.1 has a malformed value ignored and the first of two used; later versions of the same tests ask for that, or no longer judge it.',
    liesWith: 'release',
    ids: [
      ...['age-parse-nonnumeric', 'age-parse-negative', 'age-parse-float', 'age-parse-prefix-twoline'],
      ...['age-parse-dup-0', 'age-parse-dup-0-twoline', 'age-parse-dup-old'],
      ...['age-parse-parameter', 'age-parse-numeric-parameter'],
    ],
  },
  {
    because:
      'No cache can pass them: the origin closes the connection without an answer, and the test wants a field of that answer. Stale answers are not served here, as asked; later versions of the same tests see that.',
    liesWith: 'release',
    ids: [
      'stale-close-must-revalidate',
      'stale-close-proxy-revalidate',
      'stale-close-no-cache',
      'stale-close-s-maxage=2',
    ],
  },
  {
    because:
      'RFC 9111 §3.2 has a 304 replace every stored field that it carries, except those that describe the framing of the body. Later versions of the same tests ask for that.',
    liesWith: 'release',
    ids: ['304-etag-update-response-Content-MD5'],
  },
  {
    because:
      'A 304 with another strong entity tag is not about the stored answer and must not update it (RFC 9111 §4.3.4); the release wants it to become fresh by one. Later versions no longer judge it.',
    liesWith: 'release',
    ids: ['304-etag-update-response-ETag'],
  },
]

/** The repository of the suite, of which nothing newer than the release has been published. */
export const repository = {
  commit: 'b55b8bd',
  date: '2026-07-20',
  tests: { required: 160, optimal: 105, check: 100 },
  allowed: [
    { because: cookies, liesWith: 'us', ids: ['headers-store-Set-Cookie', 'other-set-cookie'] },
    { because: transferEncoding, liesWith: 'us', ids: ['headers-store-Transfer-Encoding'] },
    { because: noDate, liesWith: 'us', ids: ['conditional-lm-fresh-no-lm'] },
    ...parts,
  ],
} as const satisfies { allowed: readonly Allowed[]; [key: string]: unknown }
