/** The words of `overload`. */
import { duration, section, share, z } from '../../config/schema.ts'

export const overloadSchema = section({
  max_in_flight: z
    .int()
    .min(1)
    .max(1_000_000)
    // Far more than a listener has connections, so that a burst is not refused by a count: the heap is the guard.
    .default(100_000)
    .describe('Requests under way at once, whatever upstream they are for; 503 beyond, from 80 % on for low priority.'),
  event_loop_delay: duration({ minMs: 1, maxMs: 60_000 })
    .prefault('200ms')
    .describe(
      'How late the event loop may be, or requests may begin: comforts are given up from half of it on, requests refused where it stays beyond.',
    ),
  heap: share()
    .prefault('90%')
    .describe('Share of the JavaScript heap that may be in use before requests are refused.'),
  retry_after: duration({ minMs: 1000, maxMs: 3_600_000 })
    .prefault('1s')
    .describe('When refused clients may come back, at the earliest; spread over three times as long.'),
  dry_run: z.boolean().default(false).describe('Only counts what would have been refused.'),
})
  .prefault({})
  .describe('Keeps the process itself well: refuses requests, the least important first, before it suffers.')

export type OverloadConfig = z.output<typeof overloadSchema>
