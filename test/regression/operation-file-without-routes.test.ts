/** A file that was emptied or cut off is no configuration. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { renderProblems } from '../../src/config/problems.ts'
import { load } from '../../src/configuration.ts'
import { gatewayCommand } from '../harness/command.ts'

async function loaded(t: Test, files: Record<string, string>) {
  const folder = t.testdir(files)
  return load(join(folder, 'gateway.yaml'), {})
}

const cut = {
  'nothing at all': ['', 1],
  'a line feed': ['\n', 1],
  'only comments': ['# a comment\n# and another\n', 1],
  'an empty document': ['---\n', 1],
  'only a listener': ['\nlisteners: [{address: "127.0.0.1:0"}]\n', 2],
  'an include without routes': ['include: [more.yaml]\n', 1],
} as const

for (const [what, [text, line]] of Object.entries(cut)) {
  t.test(`${what} is a problem, at its place`, async (t) => {
    const { config, problems } = await loaded(t, { 'gateway.yaml': text, 'more.yaml': '# none\n' })
    t.equal(config, undefined)
    t.match(problems, [{ line, path: 'routes', message: 'is missing', severity: 'error' }])
    t.match(renderProblems(problems), /gateway\.yaml:\d+:\d+ {2}routes {2}is missing; write/)
  })
}

t.test('routes may be in any file, other files may be empty, and none at all can be said', async (t) => {
  const split = await loaded(t, {
    'gateway.yaml': 'include: [empty.yaml, routes.yaml]\n',
    'empty.yaml': '',
    'routes.yaml': 'routes: [{respond: {body: x}}]\n',
  })
  t.equal(split.config?.routes.length, 1)
  const none = await loaded(t, { 'gateway.yaml': 'routes: []\n' })
  t.equal(none.config?.routes.length, 0)
})

t.test('`gateway check` says so', async (t) => {
  const file = join(t.testdir(), 'gateway.yaml')
  writeFileSync(file, '')
  const { code, stderr, stdout } = await gatewayCommand(['check', '-c', file])
  t.equal(code, 1)
  t.match(stderr, /gateway\.yaml:1:1 {2}routes {2}is missing/)
  t.notMatch(stdout, 'ok')
})
