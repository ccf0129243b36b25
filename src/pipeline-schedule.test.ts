/**
 * The pipeline under random schedules: whatever stages, origin, filters and client do, in whatever order and at
 * whatever moment, the laws at the end of `run` hold. A failure prints the seed and the smallest schedule that shows it.
 */
import fc from 'fast-check'
import t from 'tap'
import { fakeExchange } from '../test/harness/exchange.ts'
import {
  filterKinds,
  ORIGIN_STATUS,
  type OriginStep,
  REPLY_STATUS,
  ScriptedOrigin,
  type StagePlan,
  Tasks,
  type TestFilter,
  testStage,
} from '../test/harness/schedule.ts'
import { CheckedOrigin } from './core/checked-origin.ts'

const TOTAL_MS = 1000
const RUNS = 6000

const isLater = fc.boolean()
const step = (...kinds: OriginStep['kind'][]) => fc.record({ kind: fc.constantFrom(...kinds), isLater })

/** interim*, then (head, write*, end | fail | silence) or (fail | silence). */
const script: fc.Arbitrary<OriginStep[]> = fc
  .tuple(
    fc.array(step('interim'), { maxLength: 2 }),
    fc.option(fc.tuple(step('head'), fc.array(step('write'), { maxLength: 6 })), { freq: 4 }),
    fc.option(step('end', 'end', 'fail'), { freq: 5 }),
  )
  .map(([interims, answer, last]) => {
    if (answer === null) return last === null ? interims : [...interims, { ...last, kind: 'fail' }]
    return [...interims, answer[0], ...answer[1], ...(last === null ? [] : [last])]
  })

const stage: fc.Arbitrary<StagePlan> = fc.record({
  admit: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('absent' as const, 'pass' as const, 'pass later' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'reply' as const,
        'throw' as const,
        'fault' as const,
        'reply later' as const,
        'throw later' as const,
      ),
    },
  ),
  deliver: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('absent' as const, 'edit' as const) },
    { weight: 3, arbitrary: fc.constantFrom('pass' as const, 'collect' as const, 'later' as const) },
    { weight: 1, arbitrary: fc.constantFrom('throw' as const, ...filterKinds) },
  ),
  finish: fc.constantFrom('absent', 'note', 'note', 'throw'),
})

type Happening = { readonly what: 'task' | 'drain' | 'gone' | 'time'; readonly which: number }

const happening: fc.Arbitrary<Happening> = fc.record({
  what: fc.oneof(
    { weight: 12, arbitrary: fc.constant('task' as const) },
    { weight: 4, arbitrary: fc.constant('drain' as const) },
    { weight: 1, arbitrary: fc.constantFrom('gone' as const, 'time' as const) },
  ),
  which: fc.nat(6),
})

const world = fc.record({
  stages: fc.array(stage, { maxLength: 4 }),
  script,
  schedule: fc.array(happening, { maxLength: 40 }),
  /** Whether the client takes more after its n-th chunk. */
  accepts: fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }),
  /** At which call to it the client goes away, in the middle of that call; often never. */
  goneDuring: fc.option(fc.nat(8), { freq: 2, nil: undefined }),
})

type World = typeof world extends fc.Arbitrary<infer W> ? W : never

function build(w: World) {
  const tasks = new Tasks()
  const origin = new ScriptedOrigin(w.script, tasks)
  const checked = new CheckedOrigin(origin)
  const finished: string[] = []
  const filters: TestFilter[] = []
  const stages = w.stages.map((plan, i) => testStage(`s${i}`, plan, tasks, finished, filters))
  const exchange = fakeExchange({ origin: checked, stages, totalMs: TOTAL_MS })
  const { down } = exchange
  let writes = 0
  down.accepts = () => w.accepts[writes++ % w.accepts.length] as boolean
  let calls = 0
  down.during = () => {
    if (calls++ === w.goneDuring) down.goAway()
  }
  return { ...exchange, tasks, origin, checked, finished, filters }
}

async function run(w: World): Promise<void> {
  const world = build(w)
  const { client, down, clock, tasks } = world
  client.start()
  must(isLetGo(world), world, 'an exchange that is over has let its origin go')
  for (const { what, which } of w.schedule) {
    if (what === 'task' && tasks.size > 0) tasks.run(which)
    else if (what === 'drain') down.drain()
    else if (what === 'gone' && which === 0) down.goAway()
    else if (what === 'time') clock.advance(which * 200)
    await promises()
    must(isLetGo(world), world, 'an exchange that is over has let its origin go')
  }
  await rest(world)
  const isSilent = !w.script.some(({ kind }) => kind === 'end' || kind === 'fail')
  must(!client.open || isSilent, world, 'an exchange that nobody holds up comes to its end')
  // What is silent now is ended by the total timeout, and the answer for that may need its turns again.
  clock.advance(TOTAL_MS + 50)
  await rest(world)
  laws(w, world)
}

/** Everything that can still happen by itself, with a client that reads. */
async function rest({ tasks, down }: Running): Promise<void> {
  do {
    if (tasks.size > 0) tasks.run(0)
    down.drain()
    await promises()
  } while (tasks.size > 0 || (down.isBlocked && down.over === undefined))
}

/** The turns that promises need which are settled already. */
async function promises(): Promise<void> {
  for (let i = 0; i < 4; i++) await Promise.resolve()
}

type Running = ReturnType<typeof build>

function isLetGo({ client, origin }: Running): boolean {
  return client.open || origin.asked === 0 || origin.over !== undefined
}

function must(holds: boolean, { down, origin }: Running, law: string): void {
  if (!holds) throw new Error(`${law}\n  client: ${down.events.join(', ')}\n  origin: ${origin.over}`)
}

function laws(w: World, running: Running): void {
  const { client, down, origin, checked, finished, filters, wheel } = running
  must(down.violations.length === 0, running, `the client is told nothing out of place: ${down.violations.join('; ')}`)
  checked.check()
  const wantedFinish = w.stages
    .map((plan, i) => (plan.finish === 'absent' ? '' : `s${i}`))
    .filter((name) => name !== '')
  must(!client.open, running, 'every exchange ends')
  must(
    finished.join() === wantedFinish.reverse().join(),
    running,
    `each stage ends once, in reverse order: ${finished.join()}`,
  )
  must(down.over !== undefined, running, 'the client sees an end, a break, or is gone')
  must(origin.asked <= 1, running, 'the origin is asked once')
  must(origin.cancels <= 1, running, 'the origin is cancelled once at most')
  must(origin.needlessCancels === 0, running, 'an origin that is over is not cancelled')
  must(origin.asked === 0 || origin.over !== undefined, running, 'no origin is left at work')
  must(wheel.armed === 0, running, 'no deadline is left armed')

  const isWhole = down.over === 'end' && (down.status === ORIGIN_STATUS || down.status === REPLY_STATUS)
  must(
    isWhole === (client.outcome === undefined),
    running,
    `an outcome is noted where it was not clean: ${client.outcome?.code}`,
  )
  must(down.status === client.status, running, 'the status that was sent is noted')
  must(
    down.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0) === client.sentBytes,
    running,
    'the bytes sent are counted',
  )
  if (isWhole && down.status === ORIGIN_STATUS) {
    must(origin.over === 'end', running, 'an answer that broke off is never presented as complete')
    must(down.body === origin.written.join(''), running, 'a complete answer has every byte, in order')
  }
  if (isWhole && down.status === REPLY_STATUS) must(down.body === 'reply', running, 'a reply has every byte')
  if (down.over !== 'end') {
    for (const filter of filters)
      must(!filter.isPlaced || filter.over !== undefined, running, 'every filter is told of an abort')
  }
}

t.test(`the laws of an exchange hold in ${RUNS} random schedules`, async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
  t.comment(`seed ${seed}: run again with SEED=${seed}`)
  await fc.assert(fc.asyncProperty(world, run), { numRuns: RUNS, seed })
  t.pass('they did')
})
