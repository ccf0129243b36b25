import t from 'tap'
import { PassingBuffers } from './passing-buffers.ts'

const MIB = 2 ** 20

t.test('the young generation is collected after every 16 MiB of large chunks', async (t) => {
  let collections = 0
  const buffers = new PassingBuffers(() => collections++)
  for (let i = 0; i < 1024; i++) buffers.passed(64 * 1024)
  t.equal(collections, 4)
})

t.test('small chunks don’t count, however many', async (t) => {
  let collections = 0
  const buffers = new PassingBuffers(() => collections++)
  for (let passed = 0; passed < 100 * MIB; passed += 8 * 1024) buffers.passed(8 * 1024)
  t.equal(collections, 0)
})
