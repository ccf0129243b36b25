/** The cache against the public HTTP cache tests. UPDATE=1 writes docs/conformance.md. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { allowed } from './allowed.ts'
import { release } from './edition.ts'
import { conformancePage } from './page.ts'
import { isPassed, runSuite, suiteTests } from './suite.ts'

const page = fileURLToPath(new URL('../../docs/conformance.md', import.meta.url))

t.setTimeout(900_000)

t.test('every required and every optimal test passes, except those that are named with their reason', async (t) => {
  const tests = await suiteTests(release)
  const byId = new Map(tests.map((test) => [test.id, test]))
  const failures = await runSuite(release)
  const missed = new Set(allowed.flatMap(({ ids }) => ids))
  for (const test of tests) {
    if (test.kind === 'check') continue
    const hasPassed = isPassed(test, failures, byId)
    t.equal(hasPassed, !missed.has(test.id), `${test.id}: ${failures.get(test.id) ?? 'passed'}`)
  }
  t.same(
    [...missed].filter((id) => !byId.has(id)),
    [],
    'what is named exists',
  )
})

t.test('at most 3 required and 8 optimal tests are not passed for reasons of our own', async (t) => {
  const kinds = new Map((await suiteTests(release)).map(({ id, kind }) => [id, kind]))
  const ours = allowed.filter(({ liesWith }) => liesWith === 'us').flatMap(({ ids }) => ids.map((id) => kinds.get(id)))
  t.ok(ours.filter((kind) => kind === 'required').length <= 3)
  t.ok(ours.filter((kind) => kind === 'optimal').length <= 8)
})

t.test('docs/conformance.md is current', async (t) => {
  const text = conformancePage(await suiteTests(release))
  if (process.env.UPDATE === '1') writeFileSync(page, text)
  t.equal(text, readFileSync(page, 'utf8'))
})
