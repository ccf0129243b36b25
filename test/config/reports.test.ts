/**
 * What an operator reads about a wrong file: `<name>.yaml` beside the report that it must give, `<name>.problems.txt`.
 * UPDATE=1 writes the reports anew; read them before you keep them.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { renderProblems } from '../../src/config/problems.ts'
import { load } from '../../src/configuration.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
const cases = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.slice(0, -5))

t.test('there are reports for at least 25 ways to be wrong', async (t) => {
  t.ok(cases.length >= 25, `${cases.length} cases`)
})

for (const name of cases) {
  t.test(`the report on ${name}`, async (t) => {
    const { problems, config } = await load(join(folder, `${name}.yaml`), { PORT: '8080', EMPTY: '' })
    const report = `${renderProblems(problems)}\n`.replaceAll(folder, '').replaceAll('test/config/', '')
    const expected = join(folder, `${name}.problems.txt`)
    if (process.env.UPDATE === '1') writeFileSync(expected, report)
    t.equal(report, readFileSync(expected, 'utf8'))
    t.equal(
      config === undefined,
      problems.some(({ severity }) => severity === 'error'),
    )
  })
}
