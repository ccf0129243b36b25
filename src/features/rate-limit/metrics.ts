/** What rate limits count. */
import type { MetricSpec } from '../../core/metrics.ts'

export const requests: MetricSpec = {
  name: 'gateway_rate_limit_requests_total',
  help: 'Requests by limit and decision: passed, paced (after a wait), limited, would_limit (dry_run) or exempt.',
  type: 'counter',
  labels: ['route', 'limit', 'decision'],
}
export const keys: MetricSpec = {
  name: 'gateway_rate_limit_keys',
  help: 'Keys that have less than their whole burst.',
  type: 'gauge',
  labels: [],
}
export const displaced: MetricSpec = {
  name: 'gateway_rate_limit_displaced_total',
  help: 'Keys that lost their place to others: more were counted at once than there is room for.',
  type: 'counter',
  labels: [],
}
export const degraded: MetricSpec = {
  name: 'gateway_rate_limit_degraded_total',
  help: 'Requests for which a shared limit was counted by this instance alone, since Redis did not answer in time.',
  type: 'counter',
  labels: ['route'],
}
export const tokens: MetricSpec = {
  name: 'gateway_rate_limit_tokens_total',
  help: 'JSON Web Tokens that were verified, by result: valid or invalid. A token that is sent again is not verified again.',
  type: 'counter',
  labels: ['route', 'result'],
}
