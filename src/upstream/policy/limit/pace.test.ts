import t from 'tap'
import { Pace } from './pace.ts'

const flow = (nowMs: number, asked: number, inside: number, left = 0) => ({ nowMs, asked, left, inside })

t.test('a backend that takes longer while what is under way stays the same is slow, not behind', async (t) => {
  const pace = new Pace()
  t.equal(pace.judge(flow(0, 0, 100), 0.5, 50, 200), 'unknown')
  t.equal(pace.judge(flow(200, 100, 110), 0.5, 50, 200), 'unknown')
  t.equal(pace.judge(flow(410, 205, 95), 0.5, 50, 200), 'slow')
})

t.test('a latency that is long needs longer to be believed', async (t) => {
  const pace = new Pace()
  pace.judge(flow(0, 0, 100), 0.5, 50, 1000)
  t.equal(pace.judge(flow(1900, 950, 100), 0.5, 50, 1000), 'unknown')
  t.equal(pace.judge(flow(2000, 1000, 100), 0.5, 50, 1000), 'slow')
})

t.test('one that has more and more under way is behind', async (t) => {
  const pace = new Pace()
  pace.judge(flow(0, 0, 100), 0.5, 50, 100)
  t.equal(pace.judge(flow(100, 150, 139), 0.5, 50, 100), 'unknown')
  t.equal(pace.judge(flow(150, 200, 141), 0.5, 50, 100), 'behind')
})

t.test('so is one that more than a fifth leave without an answer', async (t) => {
  const pace = new Pace()
  pace.judge(flow(0, 0, 50, 7), 0.5, 50, 100)
  t.equal(pace.judge(flow(50, 19, 50, 26), 0.5, 50, 100), 'unknown', 'of too few nothing can be told')
  t.equal(pace.judge(flow(100, 50, 50, 17), 0.5, 50, 100), 'unknown')
  t.equal(pace.judge(flow(150, 100, 50, 28), 0.5, 50, 100), 'behind')
})

t.test('a rate that it has never managed is not given any time, until that is long ago', async (t) => {
  const judged = (askedPerMs: number, nowMs: number) => {
    const pace = new Pace()
    for (let i = 0; i < 20; i++) pace.managed(i * 50, 0.25)
    return pace.judge(flow(nowMs, 0, 30), askedPerMs, 50, 40)
  }
  t.equal(judged(1.5, 1000), 'behind')
  t.equal(judged(0.4, 1000), 'unknown', 'chance alone makes it so much')
  t.equal(new Pace().judge(flow(0, 0, 30), 1.5, 50, 40), 'unknown', 'nothing is known of one that has just begun')
})

t.test('latencies that ease in between begin it anew', async (t) => {
  const pace = new Pace()
  pace.judge(flow(0, 0, 10), 0.5, 50, 100)
  pace.eased()
  t.equal(pace.judge(flow(5000, 2500, 500), 0.5, 50, 100), 'unknown')
})
