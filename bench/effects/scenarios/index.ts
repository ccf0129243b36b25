/** All scenarios, in the order of the table. */
import type { Scenario } from '../scenario.ts'
import { burst } from './burst.ts'
import { changingNames } from './changing-names.ts'
import { closingConnections } from './closing-connections.ts'
import { coldObject } from './cold-object.ts'
import { failingBackend } from './failing-backend.ts'
import { hangingEndpoint } from './hanging-endpoint.ts'
import { killedEndpoint } from './killed-endpoint.ts'
import { manyConnections } from './many-connections.ts'
import { overload } from './overload.ts'
import { priorities, prioritiesAtStart } from './priorities.ts'
import { rateLimit, sharedRateLimit } from './rate-limit.ts'
import { redisOutage } from './redis-outage.ts'
import { sharedCache } from './shared-cache.ts'
import { slowAnswers } from './slow-answers.ts'
import { slowEndpoint } from './slow-endpoint.ts'
import { backendDown, backendHangs } from './stale-while-down.ts'
import { varyingLatency } from './varying-latency.ts'

export const scenarios: readonly Scenario[] = [
  slowEndpoint,
  slowAnswers,
  killedEndpoint,
  hangingEndpoint,
  failingBackend,
  closingConnections,
  changingNames,
  overload,
  priorities,
  prioritiesAtStart,
  varyingLatency,
  rateLimit,
  sharedRateLimit,
  coldObject,
  backendDown,
  backendHangs,
  redisOutage,
  sharedCache,
  manyConnections,
  burst,
]
