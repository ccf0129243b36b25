/** What is measured of upstreams, by endpoint. Names and labels are API. */
import type { MetricSpec } from '../core/metrics.ts'

const byEndpoint = ['upstream', 'endpoint'] as const

import { limitMetrics } from './limit-metrics.ts'
import { stickyRequests } from './sticky.ts'
export const requestSeconds: MetricSpec = {
  name: 'gateway_upstream_request_seconds',
  help: 'From the end of a request to the header section of its answer.',
  type: 'histogram',
  labels: byEndpoint,
}

export const connectSeconds: MetricSpec = {
  name: 'gateway_upstream_connect_seconds',
  help: 'Time to make a connection, TLS included.',
  type: 'histogram',
  labels: byEndpoint,
}

export const requestsTotal: MetricSpec = {
  name: 'gateway_upstream_requests_total',
  help: 'Requests sent, every try counted, by outcome: a status class such as 2xx, or an error code.',
  type: 'counter',
  labels: [...byEndpoint, 'outcome'],
}

export const retriesTotal: MetricSpec = {
  name: 'gateway_retries_total',
  help: 'Tries after the first, by what went wrong before.',
  type: 'counter',
  labels: ['upstream', 'reason'],
}

export const outstanding: MetricSpec = {
  name: 'gateway_upstream_outstanding',
  help: 'Requests sent or waiting for a connection, whose answer has not ended.',
  type: 'gauge',
  labels: byEndpoint,
}

export const poolConnections: MetricSpec = {
  name: 'gateway_pool_connections',
  help: 'Connections by state: connecting, active (with a request) or idle.',
  type: 'gauge',
  labels: [...byEndpoint, 'state'],
}

export const poolQueued: MetricSpec = {
  name: 'gateway_pool_queued',
  help: 'Requests waiting for a connection.',
  type: 'gauge',
  labels: byEndpoint,
}

export const tunnelsOpen: MetricSpec = {
  name: 'gateway_tunnels',
  help: 'WebSockets that are open.',
  type: 'gauge',
  labels: byEndpoint,
}

export const healthy: MetricSpec = {
  name: 'gateway_upstream_healthy',
  help: 'Whether active checks find the endpoint healthy.',
  type: 'gauge',
  labels: byEndpoint,
}

export const healthChecks: MetricSpec = {
  name: 'gateway_health_checks_total',
  help: 'Active checks by outcome: good or failed.',
  type: 'counter',
  labels: [...byEndpoint, 'outcome'],
}

export const ejected: MetricSpec = {
  name: 'gateway_upstream_ejected',
  help: 'Whether the endpoint is left alone for its failures.',
  type: 'gauge',
  labels: byEndpoint,
}

export const drained: MetricSpec = {
  name: 'gateway_upstream_drained',
  help: 'Whether an operator has asked for no more requests to the endpoint.',
  type: 'gauge',
  labels: byEndpoint,
}

export const ejections: MetricSpec = {
  name: 'gateway_outlier_ejections_total',
  help: 'How often the endpoint was ejected, by what gave rise to it.',
  type: 'counter',
  labels: [...byEndpoint, 'reason'],
}

export const breakerState: MetricSpec = {
  name: 'gateway_circuit_breaker_state',
  help: 'The endpoint’s circuit breaker: 0 closed, 1 half open, 2 open.',
  type: 'gauge',
  labels: byEndpoint,
}

export const breakerTransitions: MetricSpec = {
  name: 'gateway_circuit_breaker_transitions_total',
  help: 'Changes of state of the endpoint’s circuit breaker, by the new one.',
  type: 'counter',
  labels: [...byEndpoint, 'to'],
}

export const panic: MetricSpec = {
  name: 'gateway_upstream_panic',
  help: 'Whether so few endpoints are healthy that all are used.',
  type: 'gauge',
  labels: ['upstream'],
}

export const budgetExhausted: MetricSpec = {
  name: 'gateway_retry_budget_exhausted_total',
  help: 'Tries and hedges that were not sent, since the budget was spent.',
  type: 'counter',
  labels: ['upstream'],
}

export const hedges: MetricSpec = {
  name: 'gateway_hedges_total',
  help: 'Second requests for a slow first: sent, won (answered first) or over_budget (not sent).',
  type: 'counter',
  labels: ['route', 'outcome'],
}

export const endpointsKnown: MetricSpec = {
  name: 'gateway_upstream_endpoints',
  help: 'Endpoints that the upstream has.',
  type: 'gauge',
  labels: ['upstream'],
}

export const lookups: MetricSpec = {
  name: 'gateway_discovery_lookups_total',
  help: 'DNS look-ups of endpoints by outcome: changed, same, partial (what was not answered stays as it was) or failed (all stays as it was).',
  type: 'counter',
  labels: ['upstream', 'outcome'],
}

export const upstreamMetrics: readonly MetricSpec[] = [
  requestSeconds,
  connectSeconds,
  requestsTotal,
  retriesTotal,
  outstanding,
  poolConnections,
  poolQueued,
  tunnelsOpen,
  healthy,
  healthChecks,
  ejected,
  drained,
  ejections,
  breakerState,
  breakerTransitions,
  panic,
  budgetExhausted,
  hedges,
  endpointsKnown,
  lookups,
  stickyRequests,
  ...limitMetrics,
]
