/** `npm run conformance -- FOLDER`: the cache against a checkout of the public HTTP cache tests; prints what is not passed. */
import { checkoutAt, type Edition, release } from './edition.ts'
import { isPassed, type Kind, runSuite, suiteTests } from './suite.ts'

async function main(folder: string | undefined): Promise<void> {
  const edition: Edition = folder === undefined ? release : checkoutAt(folder)
  const tests = await suiteTests(edition)
  const byId = new Map(tests.map((test) => [test.id, test]))
  const failures = await runSuite(edition)
  const kinds: readonly Kind[] = ['required', 'optimal', 'check']
  for (const kind of kinds) {
    const own = tests.filter((test) => test.kind === kind)
    const missed = own.filter((test) => !isPassed(test, failures, byId))
    process.stdout.write(`${kind}: ${own.length - missed.length} of ${own.length}\n`)
    for (const { id, name, dependsOn } of missed) {
      const why = failures.get(id) ?? `depends on ${dependsOn.join(', ')}`
      process.stdout.write(`  ${id}: ${name}\n    ${why}\n`)
    }
  }
}

main(process.argv[2]).catch((error: unknown) => {
  process.stderr.write(`conformance: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
