/**
 * Runs the public HTTP cache tests (https://cache-tests.fyi) against a cache, in a process of their own, and prints the
 * results as JSON: `node run-suite.mjs EDITION BASE CHUNK [ID…]`. EDITION is an Edition (edition.ts) as JSON, BASE the
 * cache's URL, CHUNK how many tests run at once; with IDs, only these tests are run.
 */
import { createRequire } from 'node:module'

const [edition, base, chunk, ...ids] = process.argv.slice(2)
const { engine, tests, client } = JSON.parse(edition)
const { getResults, runTests } = await import(engine)
const suites = (await Promise.all(tests.map(async (url) => (await import(url)).default))).flat()
const chosen = suites.map((suite) => ({
  ...suite,
  tests: suite.tests.filter(({ id }) => ids.length === 0 || ids.includes(id)),
}))
const clients = client === undefined ? [] : [createRequire(engine)(client)]
await runTests(chosen, ...clients, false, base, Number(chunk))
process.stdout.write(JSON.stringify(getResults()))
