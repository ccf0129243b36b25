/** What is measured of every request, by route. Names and labels are API. */
import type { MetricSpec } from '../../core/metrics.ts'

export const requestDuration: MetricSpec = {
  name: 'gateway_request_duration_seconds',
  help: 'From a request’s header section to the end of its answer. status_class: of what was sent; 4xx for clients that left before the answer began; 1xx for WebSockets, as long as they lasted.',
  type: 'histogram',
  labels: ['route', 'method', 'status_class'],
}

export const timeToFirstByte: MetricSpec = {
  name: 'gateway_time_to_first_byte_seconds',
  help: 'From a request’s header section to the answer’s, where one was sent.',
  type: 'histogram',
  labels: ['route'],
}

export const overhead: MetricSpec = {
  name: 'gateway_overhead_seconds',
  help: 'The gateway’s own part of a request’s duration: what was waiting neither for an endpoint nor for the client.',
  type: 'histogram',
  labels: ['route'],
}

export const inFlight: MetricSpec = {
  name: 'gateway_requests_in_flight',
  help: 'Requests whose answer has not ended.',
  type: 'gauge',
  labels: ['route'],
}

export const requestBytes: MetricSpec = {
  name: 'gateway_request_bytes_total',
  help: 'Body bytes taken from clients.',
  type: 'counter',
  labels: ['route'],
}

export const responseBytes: MetricSpec = {
  name: 'gateway_response_bytes_total',
  help: 'Body bytes sent to clients.',
  type: 'counter',
  labels: ['route'],
}

export const errors: MetricSpec = {
  name: 'gateway_errors_total',
  help: 'Requests that failed without their backend having answered, by error (docs/errors.md) and by whose fault it is.',
  type: 'counter',
  labels: ['route', 'code', 'source'],
}

export const spanSeconds: MetricSpec = {
  name: 'gateway_span_seconds_total',
  help: 'Where the time of requests went: admit, lookup, queue, connect, wait, body, overhead (which holds admit).',
  type: 'counter',
  labels: ['route', 'span'],
}

export const requestMetrics: readonly MetricSpec[] = [
  requestDuration,
  timeToFirstByte,
  overhead,
  inFlight,
  requestBytes,
  responseBytes,
  errors,
  spanSeconds,
]
