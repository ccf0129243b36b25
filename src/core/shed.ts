/** What all that refuse requests to keep something standing have in common: the count, and when to come back. */
import type { Random } from './clock.ts'
import type { MetricSpec } from './metrics.ts'

export const shedTotal: MetricSpec = {
  name: 'gateway_shed_total',
  help: 'Requests refused to keep an upstream or the gateway standing, by rule and priority.',
  type: 'counter',
  labels: ['route', 'rule', 'priority'],
}

/** A Retry-After field, spread over three times `seconds`, so that those who are refused at once don't come back at once. */
export function retryAfter(seconds: number, random: Random): string[] {
  return ['Retry-After', String(Math.max(1, Math.round(seconds * (1 + 2 * random()))))]
}
