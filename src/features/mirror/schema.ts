/** The words of `mirror`. */
import { duration, section, share, size, z } from '../../config/schema.ts'
import { upstreamReference } from '../../config/upstream-reference.ts'

const spelledOut = section({
  upstream: upstreamReference().describe('The upstream that gets the copies: a name, or a URL.'),
  share: share().prefault('100%').describe('How many of the requests are copied, by chance.'),
  unsafe: z
    .boolean({ error: 'must be true or false' })
    .default(false)
    .describe(
      'Whether requests that may change something (POST, PUT, …) are copied too: only where the mirror keeps its own data.',
    ),
  replay: size()
    .prefault('64KiB')
    .describe('Requests with bodies up to this size are copied, once the body has been read; larger ones are not.'),
  timeout: duration({ minMs: 1 }).prefault('5s').describe('Time for a copy as a whole, its answer included.'),
  concurrency: z
    .int({ error: 'is not a number of requests: write for example 100' })
    .min(1, { error: 'is not a number of requests: write for example 100' })
    .max(100_000, { error: 'is larger than 100000' })
    .default(100)
    .describe('Copies under way at once; beyond that, requests are not copied.'),
})

export type MirrorConfig = z.output<typeof spelledOut>

export const mirrorSchema: z.ZodType<MirrorConfig | false> = z
  .union([z.literal(false), spelledOut])
  .describe(
    'Sends copies of requests to another upstream and drops its answers, without ever delaying or failing the requests themselves. False: none.',
  ) as z.ZodType<MirrorConfig | false>
