import { gateway, haproxy, nginx } from '../configurations.ts'
import { count, exactly } from '../rows.ts'
import type { Scenario } from '../scenario.ts'
import { failedOf, phaseOf, steady, warmUp } from './common.ts'

const behaviour = { ms: 10 }

export const killedEndpoint: Scenario = {
  name: 'killed-endpoint',
  about: 'The process behind one of three endpoints is killed, and comes back later.',
  seconds: 8,
  backends: [{ behaviour }, { behaviour }, { behaviour }],
  configurations: {
    nginx: (site) =>
      nginx(site, {
        upstream: 'least_conn;',
        server: ({ host, port }) => `server ${host}:${port} max_fails=1 fail_timeout=2s;`,
        location: 'proxy_next_upstream error timeout; proxy_next_upstream_tries 3;',
      }),
    haproxy: (site) =>
      haproxy(site, {
        defaults: 'retries 3\n  option redispatch 1\n  retry-on conn-failure empty-response response-timeout',
        backend: 'balance leastconn',
        server: 'check inter 1s fall 2 rise 1 observe layer4 error-limit 3 on-error mark-down',
      }),
    gateway: (site) =>
      gateway(site, {
        upstream: 'balance: least_requests',
        route: 'retry: {attempts: 3, on: [connect, unsent, reset]}',
      }),
  },
  async measure(stage) {
    const phases = [warmUp(300), steady('main', stage.seconds, 300)]
    const result = await stage.load({ timeoutMs: 5000, phases }, [
      { atSecond: 4, act: () => stage.backends.down(0) },
      { atSecond: 7, act: () => stage.backends.up(0) },
    ])
    const main = phaseOf(result, 'main')
    return { failed: failedOf(main), p99: main.p99Ms }
  },
  rows: [exactly('one of three killed under 300/s: failed', 'failed', 0, count)],
}
