/** What is measured of upstreams, by endpoint. Names and labels are API. */
import type { MetricSpec } from '../core/metrics.ts'

const byEndpoint = ['upstream', 'endpoint'] as const

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

export const upstreamMetrics: readonly MetricSpec[] = [
  requestSeconds,
  connectSeconds,
  requestsTotal,
  retriesTotal,
  outstanding,
  poolConnections,
  poolQueued,
  tunnelsOpen,
]
