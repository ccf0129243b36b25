/** Access to V8's collector for PassingBuffers: the flag that exposes it can be set while the process runs. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What collects the young generation. */
export function youngCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  return typeof collect === 'function' ? () => collect({ type: 'minor' }) : () => {}
}
