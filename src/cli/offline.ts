/** A configuration compiled without opening anything: what `routes` and `explain` look into. */
import type { GatewayConfig } from '../configuration.ts'
import { systemClock, systemRandom } from '../core/clock.ts'
import { Keep } from '../core/keep.ts'
import { silentLog } from '../core/log.ts'
import { PassingBuffers } from '../core/passing-buffers.ts'
import { Pressure } from '../core/pressure.ts'
import { Wheel } from '../core/wheel.ts'
import type { LogsConfig } from '../features/access-log/index.ts'
import { Generation } from '../generation.ts'
import { Slices } from '../slices.ts'
import { Registry } from '../telemetry/registry.ts'

/** Compiles, looks, and lets everything go again. */
export async function compiled<T>(config: GatewayConfig, look: (generation: Generation) => T): Promise<T> {
  const wheel = new Wheel(systemClock)
  const deps = {
    clock: systemClock,
    random: systemRandom,
    wheel,
    log: silentLog,
    metrics: new Registry(),
    lease: new Keep().lease(),
    pressure: new Pressure(),
    shared: undefined,
  }
  const platform = { clock: systemClock, wheel, buffers: new PassingBuffers(() => {}), log: silentLog }
  const generation = await Generation.build(withoutEffects(config), deps, platform, new Slices(systemClock))
  try {
    return look(generation)
  } finally {
    generation.retire()
    wheel.stop()
  }
}

/** Looking must not create log files, ask name servers or check endpoints. */
function withoutEffects(config: GatewayConfig): GatewayConfig {
  const upstreams = Object.fromEntries(
    Object.entries(config.upstreams).map(([name, upstream]) => [
      name,
      { ...upstream, discover: undefined, health_check: undefined },
    ]),
  )
  const quiet = { ...config, upstreams }
  const logs = config.top.logs as LogsConfig
  if (logs.access === false) return quiet
  return { ...quiet, top: { ...config.top, logs: { ...logs, access: { ...logs.access, file: undefined } } } }
}
