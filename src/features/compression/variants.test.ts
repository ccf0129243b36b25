import { brotliDecompressSync } from 'node:zlib'
import t from 'tap'
import { eventually } from '../../../test/harness/wire.ts'
import { NO_EXTRAS, Pressure } from '../../core/pressure.ts'
import type { Stored } from '../../core/stored.ts'
import { Gate } from './gate.ts'
import type { Making } from './recipe.ts'
import { useless, Variants } from './variants.ts'

class Object_ implements Stored {
  readonly body: readonly Uint8Array[]
  readonly isWhole = true
  hits = 0
  readonly kept = new Map<string, Uint8Array>()

  constructor(text: string) {
    this.body = [Buffer.from(text.slice(0, 1000)), Buffer.from(text.slice(1000))]
  }

  take(): void {}

  variant(name: string): Uint8Array | undefined {
    return this.kept.get(name)
  }

  keep(name: string, bytes: Uint8Array): void {
    this.kept.set(name, bytes)
  }
}

const text = Array.from({ length: 2000 }, (_, i) => `line ${i} of ${i % 17} `).join('')
const making: Making = {
  change: { name: 'br', coding: 'br', decode: undefined, minify: false, dictionary: undefined },
  level: 1,
  lengthBytes: text.length,
  flushes: false,
  isEndless: false,
  maxDecodedBytes: 0,
  paddingBytes: 0,
}
const ignore = () => {}

t.test('the best level takes the place of what was kept, once, and only when it is smaller', async (t) => {
  const variants = new Variants(new Gate(1), new Pressure())
  const stored = new Object_(text)
  const before = new Uint8Array(text.length)
  stored.keep('br', before)
  let made = 0
  variants.hit(stored, making, () => made++)
  variants.hit(stored, making, () => made++)
  await eventually('a better one', () => stored.variant('br') !== before)
  t.equal(brotliDecompressSync(stored.variant('br') as Uint8Array).toString(), text)
  t.equal(made, 1)
  const other = new Object_(text)
  const small = new Uint8Array(1)
  other.keep('br', small)
  variants.hit(other, making, () => made++)
  await eventually('another', () => made === 2)
  t.equal(other.variant('br'), small)
})

t.test('nothing is made better under pressure, or once it is over', async (t) => {
  const pressure = new Pressure()
  const variants = new Variants(new Gate(1), pressure)
  const stored = new Object_(text)
  const before = new Uint8Array(text.length)
  stored.keep('br', before)
  pressure.level = NO_EXTRAS
  variants.hit(stored, making, () => t.fail('made'))
  pressure.level = 0
  variants.hit(stored, making, () => t.fail('made'))
  variants.stop()
  const later = new Variants(new Gate(1), pressure)
  const again = new Object_(text)
  again.keep('br', before)
  let isMade = false
  later.hit(again, making, () => {
    isMade = true
  })
  await eventually('the other one', () => isMade)
  t.equal(stored.variant('br'), before)
})

t.test('small objects are made on the spot; what gets no smaller is remembered as useless', async (t) => {
  const variants = new Variants(new Gate(1), new Pressure())
  const small = new Object_(text.slice(0, 3000))
  const now = variants.now(small, making, ignore)
  t.equal(brotliDecompressSync(now as Uint8Array).toString(), text.slice(0, 3000))
  t.equal(small.variant('br'), now)
  const dense = new Object_('x')
  t.equal(variants.now(dense, making, ignore), useless)
  t.equal(dense.variant('br'), useless)
  t.equal(variants.now(new Object_(text), making, ignore), undefined, 'a large one takes too long')
})
