import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { VirtualClock } from '../../../test/harness/clock.ts'
import type { Log } from '../../core/log.ts'
import { Registry } from '../../telemetry/registry.ts'
import type { RotateConfig } from './schema.ts'
import { AccessLogSink } from './sink.ts'

/** On a machine that is busy with other things. */
const PATIENCE_MS = 15_000

class Sunk {
  readonly clock = new VirtualClock()
  readonly messages: string[] = []
  readonly registry = new Registry()
  readonly sink: AccessLogSink

  constructor(path: string, rotation: RotateConfig | false = false) {
    const note = (_fields: unknown, message: string) => this.messages.push(message)
    const log: Log = { debug: note, info: note, warn: note, error: note }
    this.sink = new AccessLogSink(path, { clock: this.clock, log, metrics: this.registry })
    this.sink.rotation = rotation
  }

  /** A second goes by, again and again, until `isDone`. */
  async until(isDone: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE_MS
    for (let turn = 0; performance.now() < end && !isDone(); turn++) {
      if (turn < 1000) this.clock.advance(1000)
      await wait(2)
    }
    if (!isDone()) throw new Error('it never happened')
  }

  async count(name: string): Promise<number> {
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await this.registry.text())?.[1])
  }
}

/** What a file holds; '' when there is none, or it makes way just now. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** A log file in a folder of its own; a sink may still be turning files when its test ends, hence the retries. */
function fileIn(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-sink-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 }))
  return join(folder, 'access.log')
}

const keepThree: RotateConfig = { size: 1000, keep: 3, every: undefined }
const line = (n: number) => `${JSON.stringify({ n, text: 'x'.repeat(90) })}
`

t.test('a line is in the file a second later, and in its turn', async (t) => {
  const path = fileIn(t)
  const sunk = new Sunk(path)
  sunk.sink.write('one\n')
  sunk.sink.write('two\n')
  await sunk.until(() => read(path) === 'one\ntwo\n')
  t.equal(statSync(path).mode & 0o777, 0o640, 'not for everybody to read')
  t.same(sunk.messages, [])
})

t.test('nothing is lost between a full buffer, the timer and the flush before an exit', async (t) => {
  const path = fileIn(t)
  const sunk = new Sunk(path)
  let expected = ''
  for (let i = 0; i < 5000; i++) {
    expected += line(i)
    sunk.sink.write(line(i))
    if (i === 2000) await sunk.until(() => read(path) !== '')
  }
  sunk.sink.flush()
  await sunk.until(() => read(path).length === expected.length)
  t.equal(read(path), expected)
  t.equal(await sunk.count('gateway_access_log_dropped_total'), 0)
})

t.test('directories that are missing are made', async (t) => {
  const path = join(t.testdir(), 'a', 'b', 'access.log')
  const sunk = new Sunk(path)
  sunk.sink.write('one\n')
  await sunk.until(() => read(path) === 'one\n')
})

t.test('a file that is full makes way, and only so many older ones stay', async (t) => {
  const path = fileIn(t)
  const sunk = new Sunk(path, keepThree)
  for (let i = 1; i <= 6; i++) {
    const many = `${i}`.repeat(1200)
    sunk.sink.write(`${many}\n`)
    // Once the new file is there: until then lines still go to the one that was moved aside.
    await sunk.until(() => read(`${path}.1`) === `${many}\n` && existsSync(path) && read(path) === '')
  }
  t.same(
    [1, 2, 3, 4].map((n) => read(`${path}.${n}`)[0]),
    ['6', '5', '4', undefined],
  )
  sunk.sink.write('after\n')
  await sunk.until(() => read(path) === 'after\n')
  t.same(sunk.messages, [])
})

t.test('no line is lost while files are rotated under load', async (t) => {
  const path = fileIn(t)
  const sunk = new Sunk(path, { size: 20_000, keep: 40, every: undefined })
  await sunk.until(() => existsSync(path))
  const total = 3000
  const all = () => {
    let text = ''
    for (let n = 40; n >= 1; n--) text += read(`${path}.${n}`)
    return text + read(path)
  }
  for (let i = 0; i < total; i++) {
    sunk.sink.write(`${i}\n`.padStart(100, ' '))
    // What was written so far fills a file: the next lines find it full.
    if (i % 500 === 499) await sunk.until(() => all().length >= i * 50)
    else if (i % 100 === 99) await wait(1)
  }
  await sunk.until(() => all().length === total * 100)
  const numbers = all().split('\n').slice(0, -1).map(Number)
  t.same(
    numbers,
    Array.from({ length: total }, (_, i) => i),
  )
  // The last rotation may still be under way.
  await sunk.until(() => existsSync(`${path}.2`))
})

t.test('lowering how many stay removes the rest', async (t) => {
  const path = fileIn(t)
  writeFileSync(path, 'x'.repeat(1000))
  for (const n of ['1', '2', '3']) writeFileSync(`${path}.${n}`, n)
  const sunk = new Sunk(path, { ...keepThree, keep: 2 })
  sunk.sink.write('now\n')
  await sunk.until(() => read(`${path}.1`).startsWith('xxx'))
  await sunk.until(() => !existsSync(`${path}.3`))
  t.equal(read(`${path}.2`), '1')
})

t.test('a new day starts a new file, also after a restart', async (t) => {
  const path = join(t.testdir({ 'access.log': 'yesterday\n' }), 'access.log')
  const sunk = new Sunk(path, { size: 1e9, keep: 3, every: 86_400_000 })
  const lastLine = sunk.clock.wall() / 1000 - 60
  utimesSync(path, lastLine, lastLine)
  sunk.sink.write('today\n')
  await sunk.until(() => read(`${path}.1`) !== '')
  t.match(read(`${path}.1`), /^yesterday\n/)
  // Until the new one is open, lines still go to the one that made way.
  await sunk.until(() => existsSync(path))
  sunk.clock.advance(3_600_000)
  sunk.sink.write('still today\n')
  await sunk.until(() => read(path).endsWith('still today\n'))
  t.notOk(existsSync(`${path}.2`))
})

t.test('after the file was moved away, opening it again goes on in a new one', async (t) => {
  const path = fileIn(t)
  const sunk = new Sunk(path)
  sunk.sink.write('old\n')
  await sunk.until(() => read(path) === 'old\n')
  renameSync(path, `${path}.moved`)
  sunk.sink.reopen()
  await sunk.until(() => existsSync(path))
  sunk.sink.write('new\n')
  await sunk.until(() => read(path) === 'new\n')
  t.equal(read(`${path}.moved`), 'old\n')
})

t.test('a file that cannot be opened is logged once, tried again, and loses nothing that fits', async (t) => {
  const dir = t.testdir({ logs: 'a file where a directory should be' })
  const path = join(dir, 'logs', 'access.log')
  const sunk = new Sunk(path)
  sunk.sink.write('one\n')
  await sunk.until(() => sunk.messages.length > 0)
  while ((await sunk.count('gateway_access_log_errors_total')) < 3) {
    sunk.clock.advance(1000)
    await wait(2)
  }
  t.match(sunk.messages, [/cannot be written/])
  sunk.sink.flush()
  rmSync(join(dir, 'logs'))
  sunk.sink.write('two\n')
  await sunk.until(() => read(path) === 'one\ntwo\n')
  await sunk.until(() => sunk.messages.length > 1)
  t.match(sunk.messages, [/cannot be written/, /written again/])
})

t.test(
  'a full disk costs lines, never an exception, and is logged once',
  { skip: !existsSync('/dev/full') },
  async (t) => {
    const sunk = new Sunk('/dev/full', keepThree)
    const many = line(7).repeat(100)
    for (let i = 0; i < 600; i++) {
      sunk.sink.write(many)
      if (i % 100 === 0) await wait(2)
    }
    await sunk.until(() => sunk.messages.length > 0)
    sunk.sink.flush()
    sunk.sink.reopen()
    sunk.sink.retire()
    t.match(sunk.messages, [/cannot be written/])
    t.ok((await sunk.count('gateway_access_log_dropped_total')) > 0)
    t.ok(existsSync('/dev/full'), 'what is no regular file is not rotated')
  },
)

t.test('a reader that stalls costs lines, not memory or time', { skip: process.platform === 'win32' }, async (t) => {
  const path = join(t.testdir(), 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const sunk = new Sunk(path)
  const text = `${'x'.repeat(999)}\n`
  let written = 0
  // More than the bound, more than the pipe holds.
  while ((await sunk.count('gateway_access_log_dropped_total')) === 0 && written < 20_000) {
    for (let i = 0; i < 500; i++) sunk.sink.write(text)
    written += 500
    sunk.clock.advance(1000)
    await wait(1)
  }
  const dropped = await sunk.count('gateway_access_log_dropped_total')
  t.ok(dropped > 0 && dropped <= 500, `${dropped} of ${written} dropped`)
  const buffer = Buffer.alloc(65_536)
  let got = 0
  const drain = () => {
    try {
      got += readSync(reader, buffer)
    } catch {
      // Nothing there now.
    }
    return got === (written - dropped) * 1000
  }
  await sunk.until(drain)
  t.pass('all others arrive once it reads on')
  closeSync(reader)
})

t.test('a sink that no configuration names still takes the lines of requests in flight, then closes', async (t) => {
  const path = fileIn(t)
  const sunk = new Sunk(path)
  sunk.sink.write('one\n')
  sunk.sink.retire()
  sunk.sink.write('two\n')
  await sunk.until(() => read(path) === 'one\ntwo\n')
  await sunk.until(() => sunk.clock.timers === 0)
  renameSync(path, `${path}.moved`)
  sunk.sink.write('late\n')
  await sunk.until(() => read(path) === 'late\n')
  await sunk.until(() => sunk.clock.timers === 0)
})

t.test('an idle sink has no timer', async (t) => {
  const path = fileIn(t)
  const sunk = new Sunk(path)
  t.equal(sunk.clock.timers, 0)
  sunk.sink.write('one\n')
  await sunk.until(() => read(path) === 'one\n')
  await sunk.until(() => sunk.clock.timers === 0)
})
