import fc from 'fast-check'
import t from 'tap'
import { formatDuration, formatSize, parseDuration, parseRate, parseShare, parseSize } from './units.ts'

t.test('what is written is read back', async (t) => {
  fc.assert(fc.property(fc.nat(1e9), (ms) => parseDuration(formatDuration(ms)) === ms))
  fc.assert(fc.property(fc.nat(1e12), (bytes) => parseSize(formatSize(bytes)) === bytes))
  t.equal(formatDuration(90_000), '90s')
  t.equal(formatSize(8 * 2 ** 20), '8MiB')
})

t.test('quantities need their unit', async (t) => {
  t.equal(parseDuration('1.5s'), 1500)
  t.equal(parseSize('1kB'), 1000)
  t.same(parseRate('100/s'), { count: 100, periodMs: 1000 })
  t.equal(parseShare('20%'), 0.2)
  for (const text of ['5', '5 s', 's', '-1s', '1d', '']) t.equal(parseDuration(text), undefined, text)
  for (const text of ['5', '5K', '5 MB', '-1B']) t.equal(parseSize(text), undefined, text)
  for (const text of ['100', '100/x', '/s']) t.equal(parseRate(text), undefined, text)
  for (const text of ['101%', '20', '-1%']) t.equal(parseShare(text), undefined, text)
})
