/**
 * THE list: every feature, in the order in which a request meets them (answers come back up it). Adding a feature is
 * a folder and a line here; a test pins the order, since the order is behaviour.
 */
import type { AnyFeature } from './core/feature.ts'
import { accessLog } from './features/access-log/index.ts'
import { cache } from './features/cache/index.ts'
import { compression } from './features/compression/index.ts'
import { fallback } from './features/fallback/index.ts'
import { requestHeaders, responseHeaders } from './features/headers/index.ts'
import { metrics } from './features/metrics/index.ts'
import { mirror } from './features/mirror/index.ts'
import { overload } from './features/overload/index.ts'
import { priority } from './features/priority/index.ts'
import { rateLimit } from './features/rate-limit/index.ts'
import { redirect } from './features/redirect/index.ts'
import { respond } from './features/respond/index.ts'

export const features: readonly AnyFeature[] = [
  accessLog, // first in, last out: sees every exchange as it really ended
  metrics, // counts what later features refuse, too
  priority, // first of all that may refuse: it says who is refused first
  overload, // before anything costs anything
  rateLimit, // before anything is done for whoever asks too often
  redirect, // answers at once: nothing below it runs
  respond,
  compression, // above the cache, which so keeps one object for all codings; after the edits of the answer
  requestHeaders, // after routing has settled what the request is
  fallback, // sees only that all below it failed: a stale answer of the cache comes first
  cache, // above everything that goes upstream: a hit pays for none of it
  mirror, // below the cache: copies what really goes upstream
  responseHeaders, // edits every answer, also those that features above give
]
