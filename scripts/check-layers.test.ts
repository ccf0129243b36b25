import t from 'tap'
import { checkLayers } from './check-layers.ts'

/** The reasons found in one file, among others that are empty. */
function reasons(path: string, text: string, others: Record<string, string> = {}): string[] {
  const sources = [{ path, text }, ...Object.entries(others).map(([other, code]) => ({ path: other, text: code }))]
  return checkLayers(sources).map((violation) => `${violation.path}:${violation.line} ${violation.reason}`)
}

const allowed: [path: string, code: string][] = [
  ['src/core/a.ts', "import type { z } from 'zod'\nimport { b } from './b.ts'"],
  ['src/config/load.ts', "import type { Problem } from '../core/feature.ts'"],
  ['src/features/cache/index.ts', "import { age } from './policy/age.ts'\nimport { z } from '../../config/schema.ts'"],
  [
    'src/features/cache/policy/age.ts',
    "import type { HeaderList } from '../../../core/headers.ts'\nimport { x } from './x.ts'",
  ],
  ['src/pipeline.ts', "import { having } from './steps.ts'\nimport { Plan } from './plan.ts'\nimport './core/body.ts'"],
  ['src/gateway.ts', "import { Client } from './pipeline.ts'\nimport { Listener } from './net/listener.ts'"],
  ['src/configuration.ts', "import { adminSchema } from './admin/schema.ts'"],
  ['src/cli/run.ts', "import { Gateway } from '../gateway.ts'\nconst e = process.env"],
  ['src/net/listener.ts', '// Date.now() and console.log are for others\nconst a = "Math.random"'],
  ['src/net/listener.test.ts', "import { o } from '../../test/harness/origin.ts'\nsetTimeout(f, Date.now())"],
  ['src/net/listener.ts', 'socket.setTimeout(0)'],
  ['src/net/turns.ts', 'setImmediate(() => f(performance.nodeTiming))'],
  ['src/net/date.ts', 'const d = new Date(wallMs)'],
]

for (const [path, code] of allowed) t.strictSame(reasons(path, code), [], `allowed in ${path}: ${code}`)

const refused: [path: string, code: string, reason: RegExp][] = [
  ['src/core/a.ts', "import { z } from '../config/schema.ts'", /core.* may not import src\/config/],
  ['src/config/load.ts', "import '../router/index.ts'", /imports point down/],
  ['src/net/a.ts', "import { b } from '../router/b.ts'", /imports point down/],
  ['src/features/a/index.ts', "import { b } from '../b/index.ts'", /imports point down/],
  ['src/features/a/index.ts', "export { b } from '../../upstream/b.ts'", /imports point down/],
  ['src/features/a/index.ts', "const b = await import('../../pipeline.ts')", /imports point down/],
  ['src/pipeline.ts', "import { a } from './net/a.ts'", /the pipeline imports core only/],
  ['src/plan.ts', "import { a } from './config/schema.ts'", /the pipeline imports core only/],
  ['src/gateway.ts', "import { a } from './admin/server.ts'", /imports point down/],
  ['src/admin/server.ts', "import { a } from '../cli/output.ts'", /imports point down/],
  ['src/net/a.ts', "import { b } from '../../test/harness/clock.ts'", /not part of the product/],
  ['src/net/a.ts', "import { b } from './b.test.ts'", /imports the test/],
  ['src/helpers.ts', '', /belongs to no layer/],
  ['src/net/policy/a.ts', "import { b } from '../listener.ts'", /its siblings/],
  ['src/net/policy/a.ts', "import { isIP } from 'node:net'", /may not import node:net/],
  ['src/net/policy/a.ts', "import { z } from '../../config/schema.ts'", /its siblings/],
  ['src/net/policy/a.ts', 'const t = new Date(wallMs)', /no Date/],
  ['src/net/policy/a.ts', 'setTimeout(f, 5)', /no setTimeout/],
  ['src/net/policy/a.ts', 'if (process.platform) f()', /no process/],
  ['src/net/a.ts', 'const now = Date.now()', /reads the time/],
  ['src/net/a.ts', 'const now = new Date()', /reads the time/],
  ['src/net/a.ts', 'const now = performance.now()', /reads the time/],
  ['src/net/b.ts', 'setImmediate(() => f())', /yields to the event loop/],
  ['src/core/wheel.ts', 'setInterval(f, 10)', /sets a timer/],
  ['src/net/a.ts', 'const r = Math.random()', /rolls dice/],
  ['src/config/env.ts', 'const e = process.env.HOME', /reads the environment/],
  ['src/cli/run.ts', "console.log('hello')", /prints/],
]

for (const [path, code, reason] of refused)
  t.match(reasons(path, code).join('\n'), reason, `refused in ${path}: ${code}`)

t.test('a violation names its line, also below comments and strings that span lines', async (t) => {
  const code = '/* one\ntwo */\nconst a = `\n`\nconst now = Date.now()\n'
  t.match(reasons('src/net/a.ts', code), [/^src\/net\/a\.ts:5 reads the time/])
})

t.test('a cycle is reported once, with its way round', async (t) => {
  const found = reasons('src/core/a.ts', "import './b.ts'", {
    'src/core/b.ts': "import './c.ts'",
    'src/core/c.ts': "import './a.ts'",
  })
  t.strictSame(found, ['src/core/c.ts:1 a cycle: src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts'])
})

t.test('files and functions that are too long are reported', async (t) => {
  const body = '    step()\n'.repeat(59)
  t.match(reasons('src/net/a.ts', 'x()\n'.repeat(401)), [/has 401 lines, 400 allowed/])
  t.match(
    reasons('src/net/a.ts', `function a() {\n${body}}\n`),
    [],
    'sixty-one lines would be too many, sixty-one minus one is not',
  )
  t.match(reasons('src/net/a.ts', `function a() {\n${body}${body}}\n`), [/:1 a function of 120 lines/])
  t.match(reasons('src/net/a.ts', `class A {\n  async run(\n    a: A,\n  ): B {\n${body}    x()\n  }\n}\n`), [
    /:2 a function of 64 lines/,
  ])
  t.match(reasons('src/net/a.ts', `const a = ({ b }: B) => {\n${body}  c()\n}\n`), [/:1 a function of 62 lines/])
  t.strictSame(reasons('src/net/a.test.ts', `t.test('a', async (t) => {\n${body}${body}})\n`), [])
})
