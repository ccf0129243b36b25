/** Whatever a file holds, reading it ends in a configuration or in problems with positions: never in a stack trace. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import { parse, stringify } from 'yaml'
import { type Loaded, load } from '../../src/configuration.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const examples = join(root, 'config/examples')
const valid = [
  join(root, 'gateway.example.yaml'),
  ...readdirSync(examples)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(examples, name)),
].map((file) => readFileSync(file, 'utf8'))

const folder = mkdtempSync(join(tmpdir(), 'gateway-fuzz-'))
const file = join(folder, 'gateway.yaml')
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

/** Sentences of the libraries below us, and traces of our own faults. */
const notOurWords = /Invalid input|Unrecognized key|Too (?:small|big)|\bat .*\.ts:\d|undefined|\[object |NaN/

async function read(text: string): Promise<Loaded> {
  writeFileSync(file, text)
  const loaded = await load(file, { HOME: '/root' })
  const errors = loaded.problems.filter(({ severity }) => severity === 'error')
  if ((loaded.config === undefined) !== errors.length > 0) throw new Error('neither a configuration nor an error')
  const lines = text.split('\n')
  for (const { file: where, line, column, message, fix = '' } of loaded.problems) {
    if (message === '' || notOurWords.test(`${message} ${fix}`)) throw new Error(`not our words: ${message}; ${fix}`)
    if (!where.endsWith('gateway.yaml')) continue
    if (line < 1 || line > lines.length) throw new Error(`line ${line} of ${lines.length}`)
    if (column < 1 || column > (lines[line - 1] as string).length + 1)
      throw new Error(`column ${column} in line ${line}`)
  }
  return loaded
}

interface TextEdit {
  readonly kind: 'delete' | 'duplicate' | 'swap' | 'insert' | 'cut' | 'indent'
  readonly at: number
  readonly text: string
}

function edited(text: string, { kind, at, text: extra }: TextEdit): string {
  const lines = text.split('\n')
  const line = at % lines.length
  const offset = at % (text.length + 1)
  if (kind === 'delete') lines.splice(line, 1)
  else if (kind === 'duplicate') lines.splice(line, 0, lines[line] as string)
  else if (kind === 'swap') lines.splice(line, 2, lines[(line + 1) % lines.length] as string, lines[line] as string)
  else if (kind === 'indent') lines[line] = ` ${lines[line]}`
  else if (kind === 'cut') return text.slice(0, offset) + text.slice(offset + (extra.length % 8) + 1)
  else return text.slice(0, offset) + extra + text.slice(offset)
  return lines.join('\n')
}

const fragment = fc.oneof(
  fc.constantFrom(
    '${X}',
    '${X:-1}',
    '${',
    '\t',
    '- ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '&a ',
    '*a',
    '!!x ',
    '|',
    '\u0000',
    '\ufeff',
    '5',
    '5s',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const textEdit: fc.Arbitrary<TextEdit> = fc.record({
  kind: fc.constantFrom('delete', 'duplicate', 'swap', 'insert', 'cut', 'indent'),
  at: fc.nat(100_000),
  text: fragment,
})

t.test('files with damaged text end in a configuration or in positioned problems', { timeout: 60_000 }, async (t) => {
  const source = fc.constantFrom(...valid)
  await fc.assert(
    fc.asyncProperty(source, fc.array(textEdit, { minLength: 1, maxLength: 4 }), async (text, edits) => {
      await read(edits.reduce(edited, text))
    }),
    { numRuns: 600 },
  )
  t.pass('600 files')
})

/** Puts `value` in place of the node that a walk through the tree meets after `steps` steps, or renames its key. */
function replaced(tree: unknown, steps: number, value: unknown, renames: boolean): unknown {
  let left = steps
  const walk = (node: unknown): unknown => {
    if (left-- === 0) return value
    if (Array.isArray(node)) return node.map(walk)
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(
      Object.entries(node).map(([key, inner]) => [renames && left === 1 ? `${key}x` : key, walk(inner)]),
    )
  }
  return walk(tree)
}

t.test('files with values of other kinds end so too', { timeout: 60_000 }, async (t) => {
  const value = fc.oneof(
    fc.anything({ maxDepth: 2, withBigInt: false, withDate: false, withMap: false, withSet: false }).filter(isWritable),
    fc.constantFrom('5s', '10MB', '20%', 'http://a', '/x/**', '~(', '{id}', -1, 1e300, '', [], {}, null, true),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...valid),
      fc.nat(150),
      value,
      fc.boolean(),
      async (text, steps, other, renames) => {
        await read(stringify(replaced(parse(text), steps, other, renames)))
      },
    ),
    { numRuns: 600 },
  )
  t.pass('600 files')
})

function isWritable(value: unknown): boolean {
  try {
    return typeof stringify(value) === 'string'
  } catch {
    return false
  }
}

t.test('every file that the mutations start from is right', async (t) => {
  for (const text of valid) {
    const loaded = await read(text.replaceAll(/^include:.*$/gm, ''))
    t.ok(loaded.problems.every(({ file }) => file.endsWith('.yaml')))
  }
})
