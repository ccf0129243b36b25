import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { readMerged } from './include.ts'
import { plain } from './located.ts'

/** Files by name in a folder of their own; the first is the one that is read. */
function written(t: Test, files: Record<string, string | Buffer>): { folder: string; file: string } {
  const folder = t.testdir()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return { folder, file: join(folder, Object.keys(files)[0] as string) }
}

async function merged(file: string) {
  const { root, problems, files } = await readMerged(file, {})
  return {
    value: root === undefined ? undefined : plain(root),
    says: problems.map(({ message }) => message),
    problems,
    files,
  }
}

t.test('lists of several files follow one another, and mappings come together', async (t) => {
  const { file } = written(t, {
    'gateway.yaml': 'include: [routes.d/*.yaml, up.yaml]\nroutes: [0]\nupstreams: {a: 1}\n',
    'routes.d/20.yaml': 'routes: [2]\n',
    'routes.d/10.yaml': 'routes: [1]\n',
    'routes.d/.hidden.yaml': 'routes: [9]\n',
    'routes.d/note.txt': 'not ours',
    'up.yaml': 'upstreams: {b: 2}\n',
  })
  const { value, says } = await merged(file)
  t.same(says, [])
  t.match(value, { routes: [0, 1, 2], upstreams: { a: 1, b: 2 } })
})

t.test('names are relative to the file that gives them', async (t) => {
  const { file } = written(t, {
    'gateway.yaml': 'include: [deep/a.yaml]\n',
    'deep/a.yaml': 'include: [../b.yaml, deeper/c.yaml]\n',
    'b.yaml': 'b: 1\n',
    'deep/deeper/c.yaml': 'c: 1\n',
  })
  t.match((await merged(file)).value, { b: 1, c: 1 })
})

t.test('a key that two files give is a problem where it is given again, and names the first', async (t) => {
  const { file, folder } = written(t, {
    'gateway.yaml': 'include: [b.yaml]\nadmin: {address: ":1"}\n',
    'b.yaml': 'other: 1\nadmin: {token: x, address: ":2"}\n',
  })
  const { problems, value } = await merged(file)
  t.match(problems, [{ line: 2, column: 19, path: 'admin.address', message: `is already given in ${file}:2` }])
  t.ok(problems[0]?.file.endsWith('b.yaml'))
  t.match(value, { admin: { address: ':1', token: 'x' } })
  t.ok(folder)
})

t.test('files that include one another, or one file twice, are a problem and no endless loop', async (t) => {
  const { file } = written(t, {
    'gateway.yaml': 'include: [b.yaml]\n',
    'b.yaml': 'include: [c.yaml]\n',
    'c.yaml': 'include: [gateway.yaml]\n',
  })
  t.match((await merged(file)).says, [/includes itself: gateway.yaml → b.yaml → c.yaml → gateway.yaml/])
  const twice = written(t, { 'twice.yaml': 'include: [x.yaml, "./x.yaml"]\n', 'x.yaml': 'a: 1\n' })
  t.match((await merged(twice.file)).says, [/x.yaml is already included/])
})

t.test('each file that includes the next one twice is read once', async (t) => {
  const files: Record<string, string> = {}
  for (let i = 0; i < 40; i++) files[`${i}.yaml`] = `include: [${i + 1}.yaml, ${i + 1}.yaml]\n`
  files['40.yaml'] = 'a: 1\n'
  const { file } = written(t, files)
  t.equal((await merged(file)).says.length, 40)
})

t.test('a thousand files are enough', async (t) => {
  const { folder, file } = written(t, { 'gateway.yaml': 'include: [loop/next.yaml]\n' })
  writeFileSync(join(folder, 'next.yaml'), 'include: [loop/next.yaml]\n')
  symlinkSync('.', join(folder, 'loop'))
  const { says } = await merged(file)
  t.equal(says.length, 1)
  t.match(says, [/includes more than 1000 files|cannot be read|does not exist/])
})

t.test('what cannot be read says why', async (t) => {
  const { folder, file } = written(t, {
    'gateway.yaml': 'include: [none.yaml, folder, gateway.yaml/x, a*/b.yaml]\n',
    'folder/x.yaml': '',
    'bytes.yaml': Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]),
    'large.yaml': '',
    'closed.yaml': 'a: 1\n',
  })
  const { says, value } = await merged(file)
  t.equal(value, undefined)
  t.match(says, [/does not exist/, /is a folder/, /does not exist/, /has a `\*` before its last part/])
  t.same((await merged(join(folder, 'bytes.yaml'))).says, ['is not text in UTF-8'])
  truncateSync(join(folder, 'large.yaml'), 9 * 1024 * 1024)
  t.same((await merged(join(folder, 'large.yaml'))).says, ['is larger than 8 MiB'])
  chmodSync(join(folder, 'closed.yaml'), 0)
  const isRoot = process.getuid?.() === 0
  if (!isRoot) t.same((await merged(join(folder, 'closed.yaml'))).says, ['may not be read by this user'])
})

t.test('an empty file adds nothing, and one that is no mapping is a problem', async (t) => {
  const { file } = written(t, {
    'gateway.yaml': 'include: [empty.yaml, comment.yaml, list.yaml]\na: 1\n',
    'empty.yaml': '',
    'comment.yaml': '# nothing\n',
    'list.yaml': '- 1\n',
  })
  const { says, value } = await merged(file)
  t.same(says, ['is not a mapping'])
  t.match(value, { a: 1 })
})

t.test('what to watch holds files that are missing and folders that were searched', async (t) => {
  const { folder, file } = written(t, { 'gateway.yaml': 'include: [none.yaml, "routes.d/*.yaml"]\n' })
  const { files } = await merged(file)
  t.same(files, [file, join(folder, 'none.yaml'), join(folder, 'routes.d')])
})

t.test('a star matches any name, and nothing else in a pattern is special', async (t) => {
  const { file } = written(t, {
    'gateway.yaml': 'include: ["a+(b).*.yaml"]\n',
    'a+(b).1.yaml': 'x: 1\n',
    'aab.1.yaml': 'y: 1\n',
  })
  t.match((await merged(file)).value, { x: 1, y: undefined })
})

t.test('a list spread over files is the list in one file', async (t) => {
  const folder = t.testdir()
  const file = join(folder, 'gateway.yaml')
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.integer(), { maxLength: 3 }), { maxLength: 5 }), async (parts) => {
      const names = parts.map((_, i) => `${i}.yaml`)
      for (const [i, part] of parts.entries()) writeFileSync(join(folder, `${i}.yaml`), stringify({ routes: part }))
      writeFileSync(file, stringify({ include: names, routes: [] }))
      const { value } = await merged(file)
      t.same((value as { routes: unknown }).routes, parts.flat())
    }),
    { numRuns: 20 },
  )
})
