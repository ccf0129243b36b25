import fc from 'fast-check'
import t from 'tap'
import { parseFile } from './document.ts'
import { substitute } from './environment.ts'
import { plain } from './located.ts'

const read = (text: string, environment: Record<string, string>) => {
  const { root, problems } = parseFile('a.yaml', text, environment)
  return problems.length > 0 || root === undefined ? problems.map(({ message }) => message) : plain(root)
}

t.test('names are replaced, defaults stand in, and $${ stays', async (t) => {
  const environment = { A: '1', EMPTY: '' }
  t.equal(substitute('x${A}y${B:-2}${EMPTY:-3}', environment).text, 'x1y23')
  t.equal(substitute('$${A}', environment).text, '${A}')
  t.same(substitute('${B}', environment).unset, ['B'])
  t.equal(substitute('${', environment).isMalformed, true)
})

t.test('an unquoted reference gives a number or a truth, a quoted one a text', async (t) => {
  t.same(read('a: ${P}\nb: "${P}"\nc: ${T}', { P: '8080', T: 'true' }), { a: 8080, b: '8080', c: true })
})

t.test('no value can change the structure of the file', async (t) => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const result = read('a: ${V}\nb: [x, "${V}"]', { V: value }) as { a: unknown; b: unknown[] }
      return Object.keys(result).join() === 'a,b' && typeof result.a !== 'object' && result.b.length === 2
    }),
  )
  t.same(read('a: ${V}', { V: '{b: 1}' }), { a: '{b: 1}' })
  t.same(read('a: ${V}', { V: 'x\nc: 2' }), { a: 'x\nc: 2' })
})
