/** What the shared tier and the bus between instances tell about themselves. */
import type { MetricSpec } from '../../../core/metrics.ts'

export const sharedLookups: MetricSpec = {
  name: 'gateway_cache_shared_lookups_total',
  help: 'Look-ups in Redis: hit, miss, outdated (purged since), unreadable (broken or foreign), failed.',
  type: 'counter',
  labels: ['result'],
}
export const sharedStores: MetricSpec = {
  name: 'gateway_cache_shared_stores_total',
  help: 'Answers given to Redis: stored, too_large, purged (meanwhile), failed.',
  type: 'counter',
  labels: ['result'],
}
export const sharedWaits: MetricSpec = {
  name: 'gateway_cache_shared_waits_total',
  help: 'Waits for a fetch of another instance, by how they ended: filled, released, expired, lost.',
  type: 'counter',
  labels: ['result'],
}
export const purgeMessages: MetricSpec = {
  name: 'gateway_cache_purge_messages_total',
  help: 'Purges between instances: sent, received, caught_up (read later), queued, doubted (everything became stale).',
  type: 'counter',
  labels: ['kind'],
}
export const busUp: MetricSpec = {
  name: 'gateway_cache_bus_up',
  help: '1 while this instance hears of every purge of others.',
  type: 'gauge',
  labels: [],
}

export const sharedMetrics: readonly MetricSpec[] = [sharedLookups, sharedStores, sharedWaits, purgeMessages, busUp]
