import t from 'tap'
import { CHEAP_COMPRESSION, NO_EXTRAS } from '../../../core/pressure.ts'
import { bestLevels, effortNow, fastLevels, hasRoom, normalLevels } from './effort.ts'
import { codings } from './negotiate.ts'

t.test(
  'work is saved when it queues up or the gateway is hard pressed, and not begun when it would only wait',
  async (t) => {
    t.equal(effortNow(0, 1, 0), 'normal')
    t.equal(effortNow(3, 1, NO_EXTRAS), 'normal')
    t.equal(effortNow(4, 1, 0), 'fast')
    t.equal(effortNow(4, 3, 0), 'normal')
    t.equal(effortNow(0, 1, CHEAP_COMPRESSION), 'fast')
    t.equal(effortNow(63, 1, 0), 'fast')
    t.equal(effortNow(64, 1, 0), 'none')
    t.equal(effortNow(64, 3, 0), 'fast')
  },
)

t.test('levels rise from fast to best', async (t) => {
  for (const coding of codings) {
    t.ok(fastLevels[coding] < normalLevels[coding] && normalLevels[coding] < bestLevels[coding], coding)
  }
})

t.test('coders at work take a bounded memory, and event streams no more than half of it', async (t) => {
  const most = 256 * 1024 * 1024
  t.ok(hasRoom(most - 1000, 1000, false))
  t.notOk(hasRoom(most - 1000, 1001, false))
  t.notOk(hasRoom(most / 2, 1, true))
  t.ok(hasRoom(most / 2, 1, false))
})
