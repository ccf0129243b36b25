import fc from 'fast-check'
import t from 'tap'
import { responseDirectives } from './directives.ts'
import { surrogateDirectives } from './surrogate-control.ts'

const read = (field: string) => {
  const found = surrogateDirectives(field)
  return found === undefined ? undefined : Object.fromEntries(found)
}

t.test('lifetimes, their extension and no-store are understood, in any case and among others', async (t) => {
  t.strictSame(read('max-age=3600'), { 'max-age': '3600' })
  t.strictSame(read('foobar, MaX-aGe=60, content="ESI/1.0, x"'), { 'max-age': '60' })
  t.strictSame(read('max-age=30+60'), { 'max-age': '30', 'stale-while-revalidate': '60', 'stale-if-error': '60' })
  t.strictSame(read('no-store, max-age=5'), { 'no-store': undefined, 'max-age': '5' })
})

t.test('a directive for other surrogates is not for us, and one that names us comes before one for all', async (t) => {
  t.equal(read('max-age=3600;another'), undefined)
  t.strictSame(read('max-age=1, max-age=60;latency-gateway'), { 'max-age': '60' })
  t.strictSame(read('max-age=1;another, max-age=2;another;latency-gateway'), { 'max-age': '2' })
})

t.test('a field with nothing for us leaves Cache-Control in force', async (t) => {
  for (const field of ['', 'foo', 'content="ESI/1.0"', 'no-store;another', 'no-store-remote'])
    t.equal(read(field), undefined)
  const both = responseDirectives(['Cache-Control', 'max-age=5', 'Surrogate-Control', 'content="ESI/1.0"'])
  t.match(both, { isTargeted: false, directives: { maxAge: 5 } })
})

t.test('CDN-Cache-Control, its successor, comes before it; it comes before Cache-Control and Expires', async (t) => {
  const all = ['Cache-Control', 'no-store', 'Surrogate-Control', 'max-age=7', 'CDN-Cache-Control', 'max-age=9']
  t.match(responseDirectives(all), { isTargeted: true, directives: { maxAge: 9, noStore: false } })
  t.match(responseDirectives(all.slice(0, 4)), { isTargeted: true, directives: { maxAge: 7, noStore: false } })
})

t.test('a lifetime that is no number makes the answer stale', async (t) => {
  for (const value of ['', 'x', '-1', '1.5', ' 5', '+5']) {
    t.equal(responseDirectives(['Surrogate-Control', `max-age=${value}`]).directives.maxAge, 0, value)
  }
})

t.test('nothing that a backend sends makes it throw', async () => {
  fc.assert(fc.property(fc.string(), (field) => void surrogateDirectives(field)))
})
