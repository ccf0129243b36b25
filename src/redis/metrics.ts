/** What the connection to Redis tells about itself. */
import type { MetricSpec } from '../core/metrics.ts'

export const commandCount: MetricSpec = {
  name: 'gateway_redis_commands_total',
  help: 'Commands to Redis, by outcome: ok, timeout, down (not sent, or cut off), refused (an error answer).',
  type: 'counter',
  labels: ['command', 'outcome'],
}

export const commandDuration: MetricSpec = {
  name: 'gateway_redis_command_duration_seconds',
  help: 'Time until Redis answered a command.',
  type: 'histogram',
  labels: ['command'],
}

export const redisUp: MetricSpec = {
  name: 'gateway_redis_up',
  help: '1 while every connection to Redis answers, 0 while one does not.',
  type: 'gauge',
  labels: [],
}

export const redisMetrics: readonly MetricSpec[] = [redisUp, commandCount, commandDuration]
