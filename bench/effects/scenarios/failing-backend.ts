import { gateway, haproxy, nginx } from '../configurations.ts'
import { atMost, count, seconds } from '../rows.ts'
import type { Scenario } from '../scenario.ts'
import { phaseOf, steady, warmUp } from './common.ts'

const behaviour = { ms: 10 }
const FAILING_SECONDS = 6

export const failingBackend: Scenario = {
  name: 'failing-backend',
  about: 'A backend answers 503 to everything for six seconds.',
  seconds: 5,
  backends: [{ behaviour }],
  configurations: {
    nginx: (site) => nginx(site, { server: ({ host, port }) => `server ${host}:${port} max_fails=5 fail_timeout=2s;` }),
    haproxy: (site) =>
      haproxy(site, {
        backend: 'option httpchk GET /healthz',
        server: 'check inter 500ms fall 2 rise 1 observe layer7 error-limit 10 on-error mark-down',
      }),
    gateway: (site) =>
      gateway(site, {
        upstream: 'circuit_breaker: {error_rate: 20%, minimum_requests: 20, window: 1s, open_for: 1s}',
      }),
  },
  async measure(stage) {
    const warm = warmUp(200)
    const failing = steady('failing', FAILING_SECONDS, 200)
    const reached: number[] = []
    const note = async () => {
      reached.push((await stage.backends.counts()).at(0)?.reached ?? Number.NaN)
    }
    const result = await stage.load({ timeoutMs: 2000, phases: [warm, failing, steady('after', stage.seconds, 200)] }, [
      {
        atSecond: warm.seconds,
        act: async () => {
          await stage.backends.change(0, { ...behaviour, state: 'failing' })
          await note()
        },
      },
      {
        atSecond: warm.seconds + FAILING_SECONDS,
        act: async () => {
          await stage.backends.change(0, behaviour)
          await note()
        },
      },
    ])
    const after = phaseOf(result, 'after')
    return {
      offered: phaseOf(result, 'failing').offered,
      reached: (reached[1] ?? Number.NaN) - (reached[0] ?? Number.NaN),
      recovery: (after.lastFailureMs ?? 0) / 1000,
    }
  },
  rows: [
    atMost('backend fails all for 6 s at 200/s: calls that reach it', 'reached', 60, count),
    atMost('same: full service after its recovery', 'recovery', 3, seconds),
  ],
}
