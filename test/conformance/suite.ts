/**
 * The public HTTP cache tests as a whole: the suite's origin server and the gateway with `cache: true` as processes of
 * their own, the tests in a third; judged by the suite's own rule, by which a test counts only if those that it
 * depends on pass.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { command } from '../harness/command.ts'
import type { Edition } from './edition.ts'

export type Kind = 'required' | 'optimal' | 'check'

export interface SuiteTest {
  readonly id: string
  readonly name: string
  readonly suite: string
  readonly kind: Kind
  readonly dependsOn: readonly string[]
}

/** Everything the client library runs to its end takes about a minute; a machine that is busy takes longer. */
const LONGEST_RUN_MS = 400_000

/** The last run begins before the first limit and ends within another. */
const LONGEST_MS = 2 * LONGEST_RUN_MS

interface Written {
  readonly id: string
  readonly name: string
  readonly kind?: Kind
  readonly depends_on?: readonly string[]
  readonly browser_only?: boolean
}

interface WrittenSuite {
  readonly name: string
  readonly tests: readonly Written[]
}

/** The tests that apply to a shared cache, in the suite's order. */
export async function suiteTests(edition: Edition): Promise<SuiteTest[]> {
  const load = async (url: string) => ((await import(url)) as { default: WrittenSuite | WrittenSuite[] }).default
  const suites = (await Promise.all(edition.tests.map(load))).flat()
  return suites.flatMap(({ name: suite, tests }) =>
    tests
      .filter((test) => test.browser_only !== true)
      .map(({ id, name, kind = 'required', depends_on: dependsOn = [] }) => ({ id, name, suite, kind, dependsOn })),
  )
}

/** What is wrong by test id; a test that passed by itself is not there. */
export type Failures = ReadonlyMap<string, string>

/** How many tests run at once: first, and of those that failed. */
const CHUNK = 50
const CHUNK_AGAIN = 10

const MOST_RUNS = 8

/**
 * Runs all tests once, and those that failed again until two runs in a row have told nothing new: they go by the clock, and
 * a gateway on a machine that is busy refuses what it has no time for.
 */
export async function runSuite(edition: Edition): Promise<Failures> {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
  const [originPort, port] = [await freePort(), await freePort()]
  const stopOrigin = await startOrigin(edition.server, originPort, folder)
  const file = join(folder, 'gateway.yaml')
  writeFileSync(
    file,
    `listeners: [{address: "127.0.0.1:${port}"}]\nadmin: {address: "127.0.0.1:0"}\nlogs: {access: false}\n` +
      `routes: [{upstream: "http://127.0.0.1:${originPort}", cache: true}]\n`,
  )
  const gateway = command(['run', '-c', file], { timeoutMs: LONGEST_MS })
  try {
    await gateway.saw(/"listening|listening/)
    const base = `http://127.0.0.1:${port}`
    const endMs = performance.now() + LONGEST_RUN_MS
    const ids = (await suiteTests(edition)).map(({ id }) => id)
    let failed = failuresOf(ids, await results(edition, base, CHUNK, []))
    let sameRuns = 0
    for (let runs = 1; runs < MOST_RUNS && sameRuns < 2 && failed.size > 0 && performance.now() < endMs; runs++) {
      const again = [...failed.keys()]
      failed = failuresOf(again, await results(edition, base, CHUNK_AGAIN, again))
      sameRuns = failed.size < again.length ? 0 : sameRuns + 1
    }
    return failed
  } finally {
    gateway.kill('SIGKILL')
    await gateway.ended
    stopOrigin()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Whether a test counts as passed: it did, and so did all that it depends on. */
export function isPassed(test: SuiteTest, failures: Failures, tests: ReadonlyMap<string, SuiteTest>): boolean {
  if (failures.has(test.id)) return false
  return test.dependsOn.every((id) => {
    const other = tests.get(id)
    return other === undefined || isPassed(other, failures, tests)
  })
}

function failuresOf(ids: readonly string[], found: Readonly<Record<string, unknown>>): Failures {
  const failures = new Map<string, string>()
  for (const id of ids) {
    const result = found[id] ?? 'was not run'
    if (result !== true) failures.set(id, Array.isArray(result) ? result.slice(0, 2).join(': ') : String(result))
  }
  return failures
}

async function results(
  edition: Edition,
  base: string,
  chunk: number,
  ids: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  const script = fileURLToPath(new URL('run-suite.mjs', import.meta.url))
  const run = promisify(execFile)
  const { stdout } = await run(
    process.execPath,
    ['--no-warnings', script, JSON.stringify(edition), base, String(chunk), ...ids],
    {
      env: { PATH: process.env.PATH },
      timeout: LONGEST_RUN_MS,
      maxBuffer: 16 * 1024 * 1024,
    },
  )
  return JSON.parse(stdout.slice(stdout.indexOf('{'))) as Record<string, unknown>
}

async function startOrigin(server: string, port: number, folder: string): Promise<() => void> {
  const child = spawn(process.execPath, ['--no-warnings', server], {
    env: {
      PATH: process.env.PATH,
      npm_config_protocol: 'http',
      npm_config_port: String(port),
      npm_config_pidfile: join(folder, 'origin.pid'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text: Buffer) => {
      if (text.includes('Listening')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`the suite's server ended with ${code}`)))
  })
  return () => child.kill('SIGKILL')
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return typeof address === 'object' && address !== null ? address.port : 0
}
