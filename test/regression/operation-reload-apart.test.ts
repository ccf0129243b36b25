/** A configuration that another thread has read is the one that this thread would have read. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { load } from '../../src/configuration.ts'
import { readApart, writtenIn, writtenOf } from '../../src/reading.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const examples = join(root, 'config/examples')
const all = readdirSync(examples).filter((name) => name.endsWith('.yaml'))

t.test('every example comes back whole from another thread', async (t) => {
  for (const file of [join(root, 'gateway.example.yaml'), ...all.map((name) => join(examples, name))]) {
    const { raw, ...here } = await load(file, {})
    const { written, changed, ...apart } = await readApart({ file, environment: {}, before: writtenOf(raw) })
    t.strictSame(apart, here, file)
    t.same(changed, [])
    if (here.config !== undefined) t.strictSame(written === undefined ? undefined : writtenIn(written), raw)
  }
})

t.test('what is wrong, and what has changed, is told from there', async (t) => {
  const folder = t.testdir({
    'wrong.yaml': 'routes: [{upstraem: x}]\n',
    'right.yaml': 'routes: [{respond: {body: "${B}"}}]\n',
  })
  const order = { environment: { B: 'two' }, before: writtenOf({ routes: [{ respond: { body: 'one' } }] }) }
  const wrong = await readApart({ ...order, file: join(folder, 'wrong.yaml') })
  t.equal(wrong.config, undefined)
  t.match(wrong.problems, [{ line: 1, column: 11, message: 'is not a known key' }])
  const right = await readApart({ ...order, file: join(folder, 'right.yaml') })
  t.same(right.changed, ['routes[0].respond.body'])
})
