/**
 * Limits that instances share, in Redis: all levels of a request in one script and one round trip, by the server's own
 * clock, so that instances need not agree on the time. A request that one level refuses uses up nothing of the others.
 *
 * All keys carry the same hash tag: a script may only touch one slot of a cluster. That slot bears all limits.
 */
import { createHash } from 'node:crypto'
import type { CommandArgument, Script, SharedState } from '../../../core/shared-state.ts'
import type { GcraLimit } from '../policy/gcra.ts'

/** What one level asks. */
export interface Question {
  readonly level: GcraLimit & { readonly cost: number; readonly isDryRun: boolean }
  /** How long it may be held back. */
  readonly paceMs: number
  /** Who is counted, and by which limit. */
  readonly key: string
}

/** What it is told: how far the theoretical arrival time lies ahead, in milliseconds, and whether it passes. */
export interface SharedAnswer {
  readonly aheadMs: number
  readonly isPassed: boolean
}

/** KEYS: theoretical arrival times in microseconds. ARGV: per key the interval, how far ahead it may lie, the cost, 1 for dry_run. */
const script: Script = {
  name: 'rate_limit',
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers, arrivals, refused = {}, {}, false
for i, key in ipairs(KEYS) do
  local interval, burst, cost, dry = tonumber(ARGV[4*i-3]), tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i-1]), ARGV[4*i] == '1'
  local arrival = math.max(tonumber(redis.call('GET', key)) or 0, now)
  local after = arrival + interval * cost
  local passes = after - now <= burst + 0.5
  answers[2*i-1], answers[2*i] = passes and 1 or 0, math.floor((passes and after or arrival) - now)
  arrivals[i] = passes and after or false
  if not passes and not dry then refused = true end
end
if not refused then
  for i, key in ipairs(KEYS) do
    if arrivals[i] then
      redis.call('SET', key, string.format('%.0f', arrivals[i]), 'PX', math.ceil((arrivals[i] - now) / 1000) + 1)
    end
  end
end
return answers
`,
}

/** @throws SharedStateError (rejects) when there is no answer in time */
export async function askShared(state: SharedState, questions: readonly Question[]): Promise<SharedAnswer[]> {
  const keys = questions.map(({ key }) => `${state.prefix}{limits}:${digest(key)}`)
  const args = questions.flatMap(({ level, paceMs }): CommandArgument[] => {
    const micros = level.intervalMs * 1000
    return [micros, micros * level.burst + paceMs * 1000, level.cost, level.isDryRun ? 1 : 0]
  })
  const told = (await state.run(script, keys, args)) as number[]
  return questions.map((_, i) => ({
    isPassed: told[2 * i] === 1,
    aheadMs: (told[2 * i + 1] as number) / 1000,
  }))
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, 22)
}
