/**
 * Runs the public HTTP cache tests (https://cache-tests.fyi) against a cache, in a process of their own, and prints the
 * results as JSON: `node run-suite.mjs BASE [ID…]`. BASE is the cache's URL; with IDs, only these tests are run.
 */
import { createRequire } from 'node:module'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import suites from 'http-cache-tests/tests/index.mjs'
import surrogate from 'http-cache-tests/tests/surrogate-control.mjs'

// The client that the suite itself is run with, found where the suite finds it.
const fetch = createRequire(createRequire(import.meta.url).resolve('http-cache-tests/package.json'))('node-fetch')

const [base, ...ids] = process.argv.slice(2)
const chosen = [...suites, surrogate].map((suite) => ({
  ...suite,
  tests: suite.tests.filter(({ id }) => ids.length === 0 || ids.includes(id)),
}))
await runTests(chosen, fetch, false, base)
process.stdout.write(JSON.stringify(getResults()))
