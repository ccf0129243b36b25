import t from 'tap'
import { asGatewayError, type ErrorCode, errorTable, GatewayError } from './errors.ts'

t.test('every row has a status that fits whose fault it is, a title and a sentence for operators', async (t) => {
  for (const [code, row] of Object.entries(errorTable)) {
    t.match(code, /^[a-z]+(_[a-z]+)*$/, code)
    t.ok(row.source === 'client' ? row.status >= 400 && row.status < 500 : row.status >= 500 && row.status < 600, code)
    t.match(row.title, /^[A-Z][^.]+$/, `${code}: a title`)
    t.match(row.doc, /^[A-Z].{20,}\.$/s, `${code}: a sentence`)
    t.ok(['never', 'if_unsent', 'if_idempotent'].includes(row.retry), code)
    // Another endpoint may have a place.
    if (code === 'upstream_busy') t.equal(row.retry, 'if_unsent')
    else if (row.source !== 'upstream') t.equal(row.retry, 'never', `${code}: another try would end the same`)
  }
})

t.test('an error takes everything from its row', async (t) => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const error = new GatewayError(code, 'detail')
    t.match(error, { code, status: errorTable[code].status, source: errorTable[code].source, detail: 'detail' })
    t.equal(error.title, errorTable[code].title)
    t.equal(error.retry, errorTable[code].retry)
    t.equal(error.message, `${code}: detail`)
  }
  t.equal(new GatewayError('no_route').message, 'no_route')
})

t.test('whatever else was thrown is an internal error that keeps its stack for the log', async (t) => {
  const known = new GatewayError('truncated')
  t.equal(asGatewayError(known), known)
  const fault = new TypeError('x is not a function')
  t.match(asGatewayError(fault), { code: 'internal', detail: 'x is not a function', stack: fault.stack })
  for (const odd of ['text', undefined, null, 7, Symbol('s')]) {
    t.equal(asGatewayError(odd).code, 'internal')
  }
})
