import { gateway, haproxy, nginx } from '../configurations.ts'
import { count, exactly } from '../rows.ts'
import type { Scenario } from '../scenario.ts'
import { failedOf, phaseOf, steady, warmUp } from './common.ts'

export const closingConnections: Scenario = {
  name: 'closing-connections',
  about: 'A backend closes kept connections after 20 ms, and one in twenty just as a request arrives on it.',
  seconds: 8,
  backends: [{ behaviour: { ms: 5, closing: { idleMs: 20, share: 0.05 } } }],
  configurations: {
    nginx: (site) => nginx(site, { location: 'proxy_next_upstream error timeout; proxy_next_upstream_tries 3;' }),
    haproxy: (site) =>
      haproxy(site, {
        defaults: 'retries 3\n  option redispatch 1\n  retry-on conn-failure empty-response response-timeout',
      }),
    gateway: (site) => gateway(site),
  },
  async measure(stage) {
    const phases = [warmUp(200), steady('main', stage.seconds, 200)]
    const main = phaseOf(await stage.load({ timeoutMs: 5000, phases }), 'main')
    const raced = (await stage.backends.counts()).reduce((sum, each) => sum + each.raced, 0)
    return { failed: failedOf(main), raced }
  },
  rows: [exactly('backend closes kept connections as a request goes out, GET: failed', 'failed', 0, count)],
}
