/**
 * ioredis, set up for a gateway: nothing is queued while there is no connection, nothing is sent twice, nothing is
 * answered late to somebody who has gone on; connections come back by themselves. Its own defaults are the opposite.
 */
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { Cluster, Redis } from 'ioredis'
import { parsePlace, parseRedisUrl, type RedisConfig } from './schema.ts'

export type Client = Redis | Cluster

/** A connection on which nothing arrives for this long, although something was asked, is dead. */
const SILENCE_MS = 5000
const FIRST_RECONNECT_MS = 50
const LAST_RECONNECT_MS = 3000
/** How often a cluster is asked which server holds what. */
const SLOTS_MS = 1000

/** @param random spreads reconnects of many instances */
export function openClient(config: RedisConfig, random: () => number): Client {
  const backoff = (times: number) =>
    Math.min(FIRST_RECONNECT_MS * 2 ** Math.min(times - 1, 16), LAST_RECONNECT_MS) * (0.75 + random() / 2)
  const common = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    disableClientInfo: true,
    connectTimeout: config.timeouts.connect,
    socketTimeout: SILENCE_MS,
    // A primary that has become a replica: the new one is behind the same name.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    retryStrategy: backoff,
    ...(config.username === '' ? {} : { username: config.username }),
    ...(config.password === '' ? {} : { password: config.password }),
    ...tlsOf(config),
  }
  if (config.cluster !== undefined) {
    return new Cluster(
      config.cluster.flatMap((text) => parsePlace(text) ?? []),
      {
        enableOfflineQueue: false,
        maxRedirections: 3,
        // What a server cannot answer that is gone fails at once; who has taken its place is found out meanwhile.
        retryDelayOnFailover: 0,
        retryDelayOnClusterDown: 0,
        slotsRefreshInterval: SLOTS_MS,
        clusterRetryStrategy: backoff,
        redisOptions: common,
      },
    )
  }
  if (config.sentinel !== undefined) {
    const { addresses, name, password } = config.sentinel
    return new Redis({
      ...common,
      sentinels: addresses.flatMap((text) => parsePlace(text) ?? []),
      name,
      ...(password === '' ? {} : { sentinelPassword: password }),
      sentinelRetryStrategy: backoff,
      sentinelCommandTimeout: config.timeouts.connect,
    })
  }
  const { isTls: _, ...place } = parseRedisUrl(config.url ?? '') ?? { isTls: false }
  return new Redis({ ...common, ...place })
}

/** @throws when the authority's file cannot be read */
function tlsOf(config: RedisConfig): { tls?: ConnectionOptions } {
  if (config.tls === false) return parseRedisUrl(config.url ?? '')?.isTls === true ? { tls: {} } : {}
  const { ca, server_name: servername, verify } = config.tls
  return {
    tls: {
      rejectUnauthorized: verify,
      ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
      ...(servername === undefined ? {} : { servername }),
    },
  }
}
