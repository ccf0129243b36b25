/** The metrics of listeners. */
import type { MetricSpec } from '../core/metrics.ts'
import { refusedRequestsSpec } from './refusal.ts'

export const connectionsSpec: MetricSpec = {
  name: 'gateway_connections',
  help: 'Client connections that are open now.',
  type: 'gauge',
  labels: ['listener'],
}

export const connectionsTotalSpec: MetricSpec = {
  name: 'gateway_connections_total',
  help: 'Client connections accepted.',
  type: 'counter',
  labels: ['listener'],
}

export const rejectedConnectionsSpec: MetricSpec = {
  name: 'gateway_rejected_connections_total',
  help: 'Client connections closed at once because max_connections were open.',
  type: 'counter',
  labels: ['listener'],
}

export const listenerMetrics: readonly MetricSpec[] = [
  connectionsSpec,
  connectionsTotalSpec,
  rejectedConnectionsSpec,
  refusedRequestsSpec,
]
