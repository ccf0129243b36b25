import t from 'tap'
import { conditionalHeaders, isAboutAnother, isNotModified, passesIfRange, updatedHeaders } from './validate.ts'

const modified = 'Wed, 01 Jan 2020 00:00:00 GMT'
const later = 'Thu, 02 Jan 2020 00:00:00 GMT'
/** As if everything came in the very second in which it was modified. */
const receivedAtMs = Date.parse(modified)
const passes = (request: string[], stored: string[]) => passesIfRange(request, stored, receivedAtMs)
const knows = (request: string[], stored: string[], status = 200) => isNotModified(request, stored, status, 0)

t.test('a client that has the answer gets 304: entity tags compare weakly (RFC 9110 §13.1.2)', async (t) => {
  t.ok(knows(['If-None-Match', '"a"'], ['ETag', '"a"']))
  t.ok(knows(['If-None-Match', 'W/"a"'], ['ETag', '"a"']))
  t.ok(knows(['If-None-Match', '"x", "a"'], ['ETag', 'W/"a"']))
  t.ok(knows(['If-None-Match', '*'], ['ETag', '"a"']))
  t.notOk(knows(['If-None-Match', '"b"'], ['ETag', '"a"']))
  t.notOk(knows(['If-None-Match', '"a"'], []))
  t.notOk(knows(['If-None-Match', '"a"'], ['ETag', '"a"'], 404))
})

t.test('If-None-Match goes before If-Modified-Since (RFC 9110 §13.2.2)', async (t) => {
  t.notOk(knows(['If-None-Match', '"b"', 'If-Modified-Since', later], ['ETag', '"a"', 'Last-Modified', modified]))
  t.ok(knows(['If-Modified-Since', modified], ['Last-Modified', modified]))
  t.ok(knows(['If-Modified-Since', later], ['Last-Modified', modified]))
  t.notOk(knows(['If-Modified-Since', modified], ['Last-Modified', later]))
  t.notOk(knows(['If-Modified-Since', 'yesterday'], ['Last-Modified', modified]))
})

t.test('the origin is asked with the stored validators, not with the client’s', async (t) => {
  const headers = conditionalHeaders(['A', '1', 'If-None-Match', '"mine"', 'Range', 'bytes=0-1'], ['ETag', '"stored"'])
  t.same(headers, ['A', '1', 'If-None-Match', '"stored"'])
})

t.test('a range condition compares strongly (RFC 9110 §13.1.5)', async (t) => {
  t.ok(passes([], []))
  t.ok(passes(['If-Range', '"a"'], ['ETag', '"a"']))
  t.notOk(passes(['If-Range', 'W/"a"'], ['ETag', 'W/"a"']))
  t.ok(passes(['If-Range', modified], ['Last-Modified', modified, 'Date', later]))
  t.notOk(passes(['If-Range', later], ['Last-Modified', modified, 'Date', later]))
})

t.test('a date is no strong validator within its own second, or without a Date to compare (§8.8.2.2)', async (t) => {
  t.notOk(passes(['If-Range', modified], ['Last-Modified', modified]))
  t.ok(
    passesIfRange(['If-Range', modified], ['Last-Modified', modified], receivedAtMs + 1000),
    'received later, without a Date',
  )
  t.notOk(passes(['If-Range', modified], ['Last-Modified', modified, 'Date', modified]))
  t.notOk(passes(['If-Range', later], ['Last-Modified', later, 'Date', modified]))
  t.notOk(passes(['If-Range', 'soon'], ['Last-Modified', 'soon', 'Date', later]))
})

t.test('a 304 with another strong entity tag is about another answer (RFC 9111 §4.3.4)', async (t) => {
  t.ok(isAboutAnother(['ETag', '"a"'], ['ETag', '"b"']))
  t.notOk(isAboutAnother(['ETag', '"a"'], ['ETag', '"a"']))
  t.notOk(isAboutAnother(['ETag', 'W/"a"'], ['ETag', '"a"']))
  t.notOk(isAboutAnother(['ETag', '"a"'], ['ETag', 'W/"b"']), 'a weak one identifies none')
  t.notOk(isAboutAnother(['ETag', '"a"'], []))
  t.notOk(isAboutAnother([], ['ETag', '"a"']))
})

t.test('a 304 replaces every field that it carries, but for those that frame the body (RFC 9111 §3.2)', async (t) => {
  const stored = ['A', '1', 'B', '1', 'Content-Length', '3', 'Content-Encoding', 'gzip']
  const update = ['B', '2', 'B', '3', 'C', '4', 'Content-Length', '0', 'Content-Encoding', 'br', 'Connection', 'x']
  t.same(updatedHeaders(stored, update), [
    ...['A', '1', 'B', '2', 'Content-Length', '3', 'Content-Encoding', 'gzip'],
    ...['B', '3', 'C', '4'],
  ])
})
