/**
 * Runs the tests with tap, and repeats what failed at the end, where it is looked for. The last line counts all of it.
 * Its arguments go to tap: `node scripts/run-tests.mjs test/scenarios/**`.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const tap = spawn('tap', ['--reporter=tap', '--jobs=2', '--timeout=120', ...process.argv.slice(2)], {
  stdio: ['inherit', 'pipe', 'inherit'],
})
/** The lines of the file that is being read, and those of files that failed. */
let block = []
const failed = []
const counts = { total: 0, pass: 0, fail: 0, skip: 0, todo: 0 }

for await (const line of createInterface({ input: tap.stdout })) {
  console.log(line)
  block.push(line)
  if (line.startsWith('# { '))
    for (const [, kind, count] of line.matchAll(/(\w+): (\d+)/g)) counts[kind] = Number(count)
  if (/^(?:not )?ok /.test(line)) {
    if (line.startsWith('not ')) failed.push(...failures(block))
    block = []
  }
}
if (failed.length > 0) console.log(['', '# What failed:', ...failed].join('\n'))
console.log(`\n${counts.pass} passed, ${counts.fail} failed, ${counts.skip + counts.todo} skipped`)
process.exitCode = tap.exitCode ?? (await new Promise((done) => tap.once('close', (code) => done(code ?? 1))))

/** Each failed line with the diagnosis that follows it. */
function failures(lines) {
  const kept = []
  let isDiagnosis = false
  let isAfterFailure = false
  for (const line of lines) {
    const isFailure = /^\s*(?:not ok|Bail out)/.test(line)
    if (isFailure) kept.push(line)
    else if (/^\s*---$/.test(line)) isDiagnosis = isAfterFailure
    if (isDiagnosis) kept.push(line)
    if (/^\s*\.\.\.$/.test(line)) isDiagnosis = false
    isAfterFailure = isFailure
  }
  return kept
}
