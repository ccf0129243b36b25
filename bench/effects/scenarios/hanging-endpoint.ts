import { gateway, haproxy, nginx } from '../configurations.ts'
import { atMost, count, exactly, milliseconds } from '../rows.ts'
import type { Scenario } from '../scenario.ts'
import { failedOf, phaseOf, steady, warmUp } from './common.ts'

const behaviour = { ms: 10 }

export const hangingEndpoint: Scenario = {
  name: 'hanging-endpoint',
  about: 'One of three endpoints takes requests and never answers.',
  seconds: 8,
  backends: [{ behaviour }, { behaviour }, { behaviour }],
  configurations: {
    nginx: (site) =>
      nginx(site, {
        upstream: 'least_conn;',
        server: ({ host, port }) => `server ${host}:${port} max_fails=1 fail_timeout=10s;`,
        location: 'proxy_read_timeout 1s; proxy_next_upstream error timeout; proxy_next_upstream_tries 3;',
      }),
    haproxy: (site) =>
      haproxy(site, {
        defaults:
          'timeout server 1s\n  retries 3\n  option redispatch 1\n  retry-on conn-failure empty-response response-timeout',
        backend: 'balance leastconn\n  option httpchk GET /healthz',
        server: 'check inter 1s fall 2 rise 1 observe layer7 error-limit 3 on-error mark-down',
      }),
    gateway: (site) =>
      gateway(site, {
        upstream: 'balance: peak_ewma\noutlier_ejection: {consecutive_errors: 3}',
        route: `
          timeouts: {response: 1s}
          retry: {attempts: 3, on: [connect, unsent, reset, timeout]}
          hedge: {after: p95, budget: 5%}`,
      }),
  },
  async measure(stage) {
    const phases = [warmUp(300), steady('main', stage.seconds, 300)]
    const result = await stage.load({ timeoutMs: 5000, phases }, [
      { atSecond: 3, act: () => stage.backends.change(0, { ...behaviour, state: 'hanging' }) },
    ])
    const main = phaseOf(result, 'main')
    return { failed: failedOf(main), p99: main.p99Ms }
  },
  rows: [
    exactly('one of three hangs, response timeout 1 s: failed', 'failed', 0, count),
    atMost('same: p99', 'p99', 100, milliseconds),
  ],
}
