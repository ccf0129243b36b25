/** What is measured of concurrency limits. Names and labels are API. */
import type { MetricSpec } from '../core/metrics.ts'
import { shedTotal } from '../core/shed.ts'

const byUpstream = ['upstream'] as const

export const limit: MetricSpec = {
  name: 'gateway_concurrency_limit',
  help: 'Requests that the upstream may have at once, as configured or found out.',
  type: 'gauge',
  labels: byUpstream,
}

export const inFlight: MetricSpec = {
  name: 'gateway_concurrency_in_flight',
  help: 'Requests that the upstream works on: sent, and the header section of the answer not here yet.',
  type: 'gauge',
  labels: byUpstream,
}

export const queued: MetricSpec = {
  name: 'gateway_concurrency_queued',
  help: 'Requests that wait for the upstream to have room.',
  type: 'gauge',
  labels: byUpstream,
}

export const queueSeconds: MetricSpec = {
  name: 'gateway_concurrency_queue_seconds',
  help: 'Time that requests waited for the upstream to have room, whatever became of them; those that did not wait are not counted.',
  type: 'histogram',
  labels: byUpstream,
}

export const wouldHold: MetricSpec = {
  name: 'gateway_concurrency_would_hold_total',
  help: 'Requests that a limit with dry_run would have let wait or refused.',
  type: 'counter',
  labels: byUpstream,
}

export const limitMetrics: readonly MetricSpec[] = [limit, inFlight, queued, queueSeconds, shedTotal, wouldHold]
