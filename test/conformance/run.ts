/**
 * `npm run conformance -- FOLDER`: the cache against a checkout of the public HTTP cache tests. Prints what is not passed;
 * exits with 1 when that is not what docs/conformance.md says of the checkout's version.
 */
import { repository } from './allowed.ts'
import { checkoutAt } from './edition.ts'
import { isPassed, type Kind, runSuite, suiteTests } from './suite.ts'

const kinds: readonly Kind[] = ['required', 'optimal', 'check']

async function main(folder: string | undefined): Promise<boolean> {
  if (folder === undefined) throw new Error('say where the checkout is: npm run conformance -- FOLDER')
  const edition = checkoutAt(folder)
  const tests = await suiteTests(edition)
  const byId = new Map(tests.map((test) => [test.id, test]))
  const failures = await runSuite(edition)
  const named: readonly string[] = repository.allowed.flatMap(({ ids }) => ids)
  let isAsNamed = true
  for (const kind of kinds) {
    const own = tests.filter((test) => test.kind === kind)
    const missed = own.filter((test) => !isPassed(test, failures, byId))
    say(`${kind}: ${own.length - missed.length} of ${own.length}`)
    for (const { id, name, dependsOn } of missed) {
      const isKnown = kind === 'check' || named.includes(id)
      isAsNamed &&= isKnown
      say(`  ${id}${isKnown ? '' : ' (not expected)'}: ${name}`)
      say(`    ${failures.get(id) ?? `depends on ${dependsOn.join(', ')}`}`)
    }
    const passed = own.filter(({ id }) => named.includes(id) && !missed.some((test) => test.id === id))
    for (const { id } of passed) say(`  ${id} passes, and is named as one that does not`)
    isAsNamed &&= passed.length === 0 && own.length === repository.tests[kind]
  }
  if (!isAsNamed) say(`not as docs/conformance.md says of commit ${repository.commit} of ${repository.date}`)
  return isAsNamed
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

main(process.argv[2]).then(
  (isAsNamed) => {
    process.exitCode = isAsNamed ? 0 : 1
  },
  (error: unknown) => {
    process.stderr.write(`conformance: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 2
  },
)
