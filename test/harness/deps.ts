/** What features are built with, in a test of their own: a virtual clock, dice that always show a half, no upstreams. */
import type { Deps } from '../../src/core/feature.ts'
import { Keep } from '../../src/core/keep.ts'
import { silentLog } from '../../src/core/log.ts'
import { Pressure } from '../../src/core/pressure.ts'
import { Wheel } from '../../src/core/wheel.ts'
import { Registry } from '../../src/telemetry/registry.ts'
import { VirtualClock } from './clock.ts'

export function testDeps(parts: Partial<Deps> = {}): Deps {
  const clock = parts.clock ?? new VirtualClock()
  let slots = 0
  return {
    clock,
    random: () => 0.5,
    wheel: new Wheel(clock),
    log: silentLog,
    metrics: new Registry(),
    lease: new Keep().lease(),
    pressure: new Pressure(),
    shared: undefined,
    slot: () => slots++,
    upstream: (name) => {
      throw new Error(`no upstream ${name} in this test`)
    },
    ...parts,
  }
}
