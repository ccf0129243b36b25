import fc from 'fast-check'
import t from 'tap'
import { stringify } from 'yaml'
import { parseFile } from './document.ts'
import { keyPlace, placeOf, plain, valueAt } from './located.ts'
import { positioned, writtenPath } from './problems.ts'

function read(text: string) {
  const { root, problems } = parseFile('a.yaml', text, {})
  return { root, value: root === undefined ? undefined : plain(root), problems }
}

const says = (text: string) => read(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`)

t.test('a file is read as YAML 1.2 reads it', async (t) => {
  t.same(read('a: yes\nb: 0o17\nc: 010\nd: 1_000\ne: ~\nf: 1.50\n').value, {
    a: 'yes',
    b: 15,
    c: 10,
    d: '1_000',
    e: null,
    f: 1.5,
  })
})

t.test('whatever is written to a file is read back', async (t) => {
  const key = fc.string({ minLength: 1 }).filter((text) => text !== '__proto__' && !text.includes('${'))
  const text = fc.string().filter((value) => !value.includes('${'))
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null)),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }))
  fc.assert(
    fc.property(tree, (value) => {
      const { value: found, problems } = read(stringify(value))
      return problems.length === 0 && JSON.stringify(found) === JSON.stringify(value)
    }),
  )
  t.pass('each was')
})

t.test('every value knows where it was written', async (t) => {
  const text = 'a:\n  - {b: x}\n  - c: 日本\nd: "q"\n'
  const { root } = read(text)
  if (root === undefined) {
    t.fail('was not read')
    return
  }
  const at = (path: (string | number)[]) => {
    const { line, column, excerpt } = positioned(placeOf(root, path), { path, message: '' })
    return [line, column, excerpt.length]
  }
  t.same(at(['a', 0, 'b']), [2, 9, 1])
  t.same(at(['a', 1, 'c']), [3, 8, 2])
  t.same(at(['d']), [4, 4, 3])
  t.same(at(['a', 0, 'missing']), [2, 5, 6], 'what is missing is shown where it would be')
  t.same(at(['d', 'deeper']), [4, 1, 1], 'or at the key that it would stand under')
  t.equal(keyPlace(root, ['a', 1, 'c'])?.start, text.indexOf('c:'))
  t.equal(valueAt(root, ['a', 'x', 'y']), undefined)
})

t.test('an alias stands for what it names, each time anew', async (t) => {
  t.same(read('a: &x {b: [1]}\nc: *x\nd: [*x, *x]\n').value, {
    a: { b: [1] },
    c: { b: [1] },
    d: [{ b: [1] }, { b: [1] }],
  })
  t.same(says('a: *x\nb: &x 1\n'), ['1:4 stands for &x, which is not defined above it'])
  t.same(says('a: &x\n  b: *x\n'), ['2:6 stands for &x, which it is a part of'])
})

t.test('an alias bomb is one problem, found soon', async (t) => {
  const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(20)}]`)
  const { value, problems } = read(`a0: &a0 x\n${levels.join('\n')}\n`)
  t.equal(value, undefined)
  t.match(problems, [{ message: /exceeds 200000 values/ }])
  t.equal(problems.length, 1)
})

t.test('a file may be 100 deep, and no deeper', async (t) => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  t.same(says(nested(100)), [])
  t.same(says(nested(102)), ['1:102 is nested more than 100 deep'])
  t.equal(says('['.repeat(50_000)).length, 1)
})

t.test('a mapping with the name of a prototype changes no object', async (t) => {
  const { problems } = read('a: {__proto__: {polluted: true}}\n"__proto__": 1\n')
  t.equal(problems.length, 2)
  t.equal(({} as { polluted?: boolean }).polluted, undefined)
  t.same(Object.keys(read('constructor: 1\ntoString: 2\n').value as object), ['constructor', 'toString'])
})

t.test('each line that is no YAML is reported once, twenty at most', async (t) => {
  t.same(says('a: 1\n\tb: 2\n'), ['2:1 is indented with a tab'])
  t.ok(says('}]\n'.repeat(500)).length <= 20)
})

t.test('line ends of Windows and a byte order mark are no part of values', async (t) => {
  t.same(read('\ufeffa: x\r\nb:\r\n  - y\r\n').value, { a: 'x', b: ['y'] })
})

t.test('names are replaced in values only: keys and comments stay', async (t) => {
  const { root, problems } = parseFile('a.yaml', '# ${NONE}\n"${K}": ${V}\n', { K: 'k', V: '5' })
  t.same(problems, [])
  t.same(root && plain(root), { '${K}': 5 })
})

t.test('a path is written as people read it', async (t) => {
  t.equal(writtenPath(['routes', 2, 'match', 'x y', 'a-b']), 'routes[2].match."x y".a-b')
  t.equal(writtenPath([]), '')
})
