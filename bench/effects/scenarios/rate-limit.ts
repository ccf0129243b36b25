import { gateway, haproxy, nginx } from '../configurations.ts'
import { redis } from '../redis.ts'
import { around, perSecond } from '../rows.ts'
import type { Scenario, Stage } from '../scenario.ts'
import { phaseOf, steady } from './common.ts'

/** Long enough for every burst to be used up before the count begins. */
async function admitted(stage: Stage): Promise<{ admitted: number }> {
  const phases = [steady('warm-up', 3, 1000), steady('main', stage.seconds, 1000)]
  const main = phaseOf(await stage.load({ timeoutMs: 2000, phases }), 'main')
  return { admitted: main.ok / main.seconds }
}

export const rateLimit: Scenario = {
  name: 'rate-limit',
  about: 'One client sends 1000/s where 100/s are allowed.',
  seconds: 8,
  backends: [{ behaviour: { ms: 2 } }],
  configurations: {
    nginx: (site) =>
      nginx(site, {
        http: 'limit_req_zone $binary_remote_addr zone=clients:10m rate=100r/s; limit_req_status 429;',
        location: 'limit_req zone=clients burst=50 nodelay;',
      }),
    // Counts what is admitted: a rate of all requests would refuse everything for as long as the client goes on.
    haproxy: (site) =>
      haproxy(site, {
        frontend: `stick-table type ip size 100k expire 10s store gpc0,gpc0_rate(1s)
  http-request track-sc0 src
  http-request deny deny_status 429 if { sc0_gpc0_rate ge 100 }
  http-request sc-inc-gpc0(0)`,
      }),
    gateway: (site) => gateway(site, { route: 'rate_limit: {limit: 100/s, burst: 50, by: client_ip}' }),
  },
  measure: admitted,
  rows: [around('1000/s against 100/s per client: admitted', 'admitted', 100, 2, perSecond)],
}

export const sharedRateLimit: Scenario = {
  name: 'shared-rate-limit',
  about: 'The same over two instances that count together.',
  seconds: 8,
  backends: [{ behaviour: { ms: 2 } }],
  services: [redis],
  instances: 2,
  configurations: {
    gateway: (site) =>
      gateway(site, {
        top: `redis: {url: 'redis://127.0.0.1:${site.services.redis}'}`,
        route: 'rate_limit: {limit: 100/s, burst: 50, by: client_ip, scope: shared}',
      }),
  },
  measure: admitted,
  rows: [around('the same over two instances with Redis', 'admitted', 100, 5, perSecond)],
}
