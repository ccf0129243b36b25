import { gateway, haproxy, nginx } from '../configurations.ts'
import { DnsServer } from '../dns.ts'
import { count, exactly } from '../rows.ts'
import type { Ground, RunningService, Scenario } from '../scenario.ts'
import { failedOf, phaseOf, steady, warmUp } from './common.ts'

const behaviour = { ms: 10 }
const NAME = 'app.test'
const AT_ONCE = 3

export const changingNames: Scenario = {
  name: 'changing-names',
  about: 'Three of six addresses are in DNS; every second one leaves and one joins. What left is ended 2.5 s later.',
  seconds: 8,
  backends: [2, 3, 4, 5, 6, 7].map((last) => ({ host: `127.0.0.${last}`, samePort: true, behaviour })),
  services: [{ name: 'dns', start: changeEverySecond }],
  configurations: {
    // Names of an `upstream` are resolved once; only a variable is resolved again, without kept connections.
    nginx: (site) =>
      nginx(site, {
        http: `resolver 127.0.0.1:${site.services.dns} valid=1s ipv6=off;`,
        pass: `http://$app:${site.endpoints[0]?.port}`,
        location: `set $app ${NAME}; proxy_next_upstream error timeout; proxy_next_upstream_tries 3;`,
      }),
    haproxy: (site) =>
      haproxy(site, {
        defaults: 'retries 3\n  option redispatch 1\n  retry-on conn-failure empty-response response-timeout',
        backend: 'balance leastconn',
        servers: `server-template s 6 ${NAME}:${site.endpoints[0]?.port} resolvers dns resolve-prefer ipv4 init-addr none check inter 1s`,
        sections: `
resolvers dns
  nameserver local 127.0.0.1:${site.services.dns}
  resolve_retries 3
  timeout resolve 1s
  timeout retry 200ms
  hold valid 1s
  hold obsolete 0s`,
      }),
    gateway: (site) =>
      gateway(
        site,
        {
          upstream: `
            balance: least_requests
            discover: {dns: '${NAME}:${site.endpoints[0]?.port}', refresh: 1s, resolvers: ['127.0.0.1:${site.services.dns}']}`,
          route: 'retry: {attempts: 3, on: [connect, unsent, reset]}',
        },
        true,
      ),
  },
  async measure(stage) {
    const phases = [warmUp(300), steady('main', stage.seconds, 300)]
    const main = phaseOf(await stage.load({ timeoutMs: 5000, phases }), 'main')
    return { failed: failedOf(main), p99: main.p99Ms }
  },
  rows: [exactly('DNS set changes every second under 300/s: failed', 'failed', 0, count)],
}

async function changeEverySecond({ endpoints, backends }: Ground): Promise<RunningService> {
  const dns = new DnsServer()
  let first = 0
  const publish = () => {
    dns.addresses = Array.from({ length: AT_ONCE }, (_, i) => endpoints[(first + i) % endpoints.length]?.host ?? '')
  }
  publish()
  const port = await dns.listen()
  let isHalfway = false
  const timer = setInterval(async () => {
    isHalfway = !isHalfway
    const next = (first + AT_ONCE) % endpoints.length
    if (isHalfway) {
      await backends.down(next)
      return
    }
    await backends.up(next)
    first++
    publish()
  }, 500)
  return {
    port,
    stop: async () => {
      clearInterval(timer)
      dns.close()
    },
  }
}
