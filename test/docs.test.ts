/** Pages that are generated say what the code says now. */
import t from 'tap'
import { stalePages } from '../scripts/generate-docs.ts'

t.test('every generated page is current', async (t) => {
  t.strictSame(stalePages(), [], 'otherwise: npm run docs')
})
