import fc from 'fast-check'
import t from 'tap'
import { isMirrored } from './decide.ts'

t.test('a share of requests is copied, those that change something only when that is wanted', async (t) => {
  const rules = { share: 0.1, isUnsafeWanted: false }
  t.ok(isMirrored(rules, 'GET', 0.05))
  t.notOk(isMirrored(rules, 'GET', 0.1))
  t.notOk(isMirrored(rules, 'POST', 0.05))
  t.ok(isMirrored({ ...rules, isUnsafeWanted: true }, 'POST', 0.05))
})

t.test('all of them at 100 %, none at 0 %, whatever the dice say', async (t) => {
  const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(fc.property(dice, (roll) => isMirrored({ share: 1, isUnsafeWanted: false }, 'HEAD', roll)))
  fc.assert(fc.property(dice, (roll) => !isMirrored({ share: 0, isUnsafeWanted: true }, 'GET', roll)))
  t.pass('holds')
})
