/**
 * Which eviction keeps what will be asked for again: hit ratios of S3-FIFO, SIEVE, W-TinyLFU and LRU on made-up traces, and
 * what an operation costs: `node bench/micro/eviction.ts`. Decision 4 came of it.
 */
import { type Evictable, type Queue, S3Fifo } from '../../src/features/cache/store/s3fifo.ts'
import { seeded } from '../effects/schedule.ts'

interface Policy {
  /** Whether it was there; it is from now on. */
  ask(key: number): boolean
}

class Lru implements Policy {
  readonly #kept = new Map<number, true>()
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  ask(key: number): boolean {
    const isHit = this.#kept.delete(key)
    this.#kept.set(key, true)
    if (this.#kept.size > this.#size) {
      const [oldest] = this.#kept.keys()
      if (oldest !== undefined) this.#kept.delete(oldest)
    }
    return isHit
  }
}

interface Item {
  readonly key: number
  isUsed: boolean
  newer: Item | undefined
  older: Item | undefined
}

/** Zhang et al., NSDI 2024: a queue in the order of arrival, and a hand that spares what was used since it last came by. */
class Sieve implements Policy {
  readonly #kept = new Map<number, Item>()
  readonly #size: number
  #newest: Item | undefined
  #oldest: Item | undefined
  #hand: Item | undefined

  constructor(size: number) {
    this.#size = size
  }

  ask(key: number): boolean {
    const known = this.#kept.get(key)
    if (known !== undefined) {
      known.isUsed = true
      return true
    }
    if (this.#kept.size >= this.#size) this.#evict()
    const item: Item = { key, isUsed: false, newer: undefined, older: this.#newest }
    if (this.#newest !== undefined) this.#newest.newer = item
    this.#newest = item
    this.#oldest ??= item
    this.#kept.set(key, item)
    return false
  }

  #evict(): void {
    let item = this.#hand ?? this.#oldest
    while (item?.isUsed === true) {
      item.isUsed = false
      item = item.newer ?? this.#oldest
    }
    if (item === undefined) return
    this.#hand = item.newer
    if (item.newer === undefined) this.#newest = item.older
    else item.newer.older = item.older
    if (item.older === undefined) this.#oldest = item.newer
    else item.older.newer = item.newer
    this.#kept.delete(item.key)
  }
}

/** Einziger et al., 2017: a window of LRU, and behind it only what a sketch of frequencies prefers to the one to go. */
class WTinyLfu implements Policy {
  readonly #window = new Map<number, true>()
  readonly #probation = new Map<number, true>()
  readonly #protected = new Map<number, true>()
  readonly #counts: Uint8Array
  readonly #windowSize: number
  readonly #mainSize: number
  #sampled = 0

  constructor(size: number) {
    this.#windowSize = Math.max(1, Math.round(size / 100))
    this.#mainSize = size - this.#windowSize
    this.#counts = new Uint8Array(4 * 2 ** Math.ceil(Math.log2(size * 4)))
  }

  ask(key: number): boolean {
    this.#count(key)
    if (this.#window.delete(key)) {
      this.#window.set(key, true)
      return true
    }
    if (this.#protected.delete(key)) {
      this.#protected.set(key, true)
      return true
    }
    if (this.#probation.delete(key)) {
      this.#protected.set(key, true)
      if (this.#protected.size > this.#mainSize * 0.8) this.#probation.set(takeOldest(this.#protected), true)
      return true
    }
    this.#window.set(key, true)
    if (this.#window.size > this.#windowSize) this.#admit(takeOldest(this.#window))
    return false
  }

  #admit(candidate: number): void {
    if (this.#probation.size + this.#protected.size < this.#mainSize) {
      this.#probation.set(candidate, true)
      return
    }
    const victim = takeOldest(this.#probation.size > 0 ? this.#probation : this.#protected)
    this.#probation.set(this.#frequency(candidate) > this.#frequency(victim) ? candidate : victim, true)
  }

  #count(key: number): void {
    for (let row = 0; row < 4; row++) {
      const at = this.#place(key, row)
      const count = this.#counts[at] ?? 0
      if (count < 15) this.#counts[at] = count + 1
    }
    if (++this.#sampled < this.#mainSize * 10) return
    this.#sampled >>= 1
    for (let i = 0; i < this.#counts.length; i++) this.#counts[i] = (this.#counts[i] ?? 0) >> 1
  }

  #frequency(key: number): number {
    let least = 15
    for (let row = 0; row < 4; row++) least = Math.min(least, this.#counts[this.#place(key, row)] ?? 0)
    return least
  }

  #place(key: number, row: number): number {
    const width = this.#counts.length / 4
    const mixed = Math.imul(Math.imul(key ^ (row * 0x9e3779b9), 0x85ebca6b) ^ (key >>> 13), 0xc2b2ae35)
    return row * width + ((mixed ^ (mixed >>> 16)) & (width - 1))
  }
}

function takeOldest(kept: Map<number, true>): number {
  const [oldest = 0] = kept.keys()
  kept.delete(oldest)
  return oldest
}

/** The gateway's own, every entry weighing one. */
class Own implements Policy {
  readonly #kept = new Map<number, Evictable & { readonly key: number }>()
  readonly #queue: S3Fifo<Evictable & { readonly key: number }>

  constructor(size: number) {
    this.#queue = new S3Fifo(size, ({ key }) => this.#kept.delete(key))
  }

  ask(key: number): boolean {
    const known = this.#kept.get(key)
    if (known !== undefined) {
      this.#queue.use(known)
      return true
    }
    const queue: Queue | undefined = undefined
    const entry = { key, id: `/${key}`, bytes: 1, uses: 0, queue, before: undefined, behind: undefined }
    this.#kept.set(key, entry)
    this.#queue.add(entry)
    return false
  }
}

const OBJECTS = 100_000
const REQUESTS = 1_000_000
const random = seeded(7)

/** Draws numbers of which the n-th is asked for in proportion to n^-alpha. */
function zipf(alpha: number): () => number {
  const sums = new Float64Array(OBJECTS)
  for (let i = 0, sum = 0; i < OBJECTS; i++) {
    sum += (i + 1) ** -alpha
    sums[i] = sum
  }
  const total = sums[OBJECTS - 1] ?? 1
  return () => {
    const wanted = random() * total
    let [low, high] = [0, OBJECTS - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sums[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

function trace(next: (n: number) => number): Int32Array {
  return Int32Array.from({ length: REQUESTS }, (_, n) => next(n))
}

/** New keys, which nobody asks for a second time. */
let fresh = 1_000_000
const [even, steep, flat] = [zipf(0.9), zipf(1.1), zipf(0.7)]
const traces: readonly (readonly [string, Int32Array])[] = [
  ['Zipf 0.7', trace(flat)],
  ['Zipf 0.9', trace(even)],
  ['Zipf 1.1', trace(steep)],
  ['Zipf 0.9, a third for keys that never come again', trace((n) => (n % 3 === 0 ? fresh++ : even()))],
  ['Zipf 0.9, with a crawl of 50 000 after every 100 000', trace((n) => (n % 150_000 < 100_000 ? even() : fresh++))],
  ['Zipf 0.9, another tenth of the objects popular every 100 000', trace((n) => drift(even(), n))],
  ['a loop over 20 000', trace((n) => n % 20_000)],
]

function drift(key: number, n: number): number {
  return (key + Math.floor(n / 100_000) * (OBJECTS / 10)) % OBJECTS
}

const policies: readonly (readonly [string, (size: number) => Policy])[] = [
  ['S3-FIFO', (size) => new Own(size)],
  ['SIEVE', (size) => new Sieve(size)],
  ['W-TinyLFU', (size) => new WTinyLfu(size)],
  ['LRU', (size) => new Lru(size)],
]

for (const size of [OBJECTS / 100, OBJECTS / 10]) {
  console.log(`\n| ${size} of ${OBJECTS} objects fit: hits, % | ${policies.map(([name]) => name).join(' | ')} |`)
  console.log(`| --- |${' --: |'.repeat(policies.length)}`)
  const spent = policies.map(() => 0)
  for (const [title, keys] of traces) {
    const cells = policies.map(([, make], i) => {
      const policy = make(size)
      const start = performance.now()
      let hits = 0
      for (const key of keys) if (policy.ask(key)) hits++
      spent[i] = (spent[i] ?? 0) + performance.now() - start
      return ((100 * hits) / REQUESTS).toFixed(1)
    })
    console.log(`| ${title} | ${cells.join(' | ')} |`)
  }
  const nanoseconds = spent.map((ms) => ((ms * 1e6) / REQUESTS / traces.length).toFixed(0))
  console.log(`| ns a request | ${nanoseconds.join(' | ')} |`)
}
