import t from 'tap'
import { Registry } from '../telemetry/registry.ts'
import { type StickyConfig, stickySchema } from './schema-sticky.ts'
import { Sticky, stickyRequests } from './sticky.ts'

const endpoints = [{ key: 'http://10.0.0.1:80' }, { key: 'http://10.0.0.2:80' }, { key: 'unix:/run/app.sock' }]
type Endpoint = (typeof endpoints)[number]

const always = (): boolean => true

function sticky(written: object = {}, upstream = 'u', metrics = new Registry()): Sticky<Endpoint> {
  const made = new Sticky<Endpoint>(upstream, stickySchema.parse(written) as StickyConfig, metrics)
  made.update(endpoints)
  return made
}

/** What a new client is told when `endpoint` has answered it. */
function cookieFor(of: Sticky<Endpoint>, endpoint: Endpoint | undefined, scheme: 'http' | 'https' = 'http'): string {
  if (endpoint === undefined) throw new Error('no endpoint')
  return of.cookie(of.choose([], always), endpoint, scheme) ?? ''
}

/** What a client sends that was told so. */
const sent = (cookie: string): string[] => ['Cookie', cookie.slice(0, cookie.indexOf(';'))]

t.test(
  'a client comes back to the endpoint that answered it, also after a restart and at another instance',
  async (t) => {
    for (const endpoint of endpoints) {
      const headers = sent(cookieFor(sticky(), endpoint))
      const later = sticky()
      const decision = later.choose(headers, always)
      t.same(decision, { use: endpoint, because: 'kept' })
      t.equal(later.cookie(decision, endpoint, 'http'), undefined, 'it is told once')
    }
  },
)

t.test('the cookie says nothing of the address, and differs by upstream and secret', async (t) => {
  const one = cookieFor(sticky(), endpoints[0])
  t.match(one, /^gw_affinity=[\w-]{16}; Path=\/; HttpOnly; SameSite=Lax$/)
  t.match(cookieFor(sticky(), endpoints[0], 'https'), /; Secure;/)
  const others = [
    cookieFor(sticky(), endpoints[1]),
    cookieFor(sticky({}, 'v'), endpoints[0]),
    cookieFor(sticky({ secret: 'sixteen letters!' }), endpoints[0]),
    cookieFor(sticky({ secret: 'sixteen letters?' }), endpoints[0]),
  ]
  t.equal(new Set([one, ...others]).size, 5)
})

t.test('a client moves when its endpoint can’t be used, is gone, or never was, and is told its new one', async (t) => {
  const of = sticky()
  const [a, b] = endpoints as [Endpoint, Endpoint]
  const headers = sent(cookieFor(of, a))
  const drained = of.choose(headers, (endpoint) => endpoint !== a)
  t.same(drained, { use: undefined, because: 'moved' })
  t.same(sent(of.cookie(drained, b, 'http') ?? ''), sent(cookieFor(of, b)))
  of.update([b])
  t.same(of.choose(headers, always), { use: undefined, because: 'moved' })
  t.same(of.choose(['Cookie', 'gw_affinity=forged'], always), { use: undefined, because: 'moved' })
  t.equal(of.cookie(drained, a, 'http'), undefined, 'nobody is sent to what is gone')
})

t.test('a kept endpoint that fails, so that another one answers, is given up', async (t) => {
  const of = sticky()
  const [a, b] = endpoints as [Endpoint, Endpoint]
  const decision = of.choose(sent(cookieFor(of, a)), always)
  t.same(sent(of.cookie(decision, b, 'http') ?? ''), sent(cookieFor(of, b)))
})

t.test('what happened is counted', async (t) => {
  const metrics = new Registry()
  const of = sticky({}, 'u', metrics)
  const headers = sent(cookieFor(of, endpoints[0]))
  of.choose(headers, always)
  of.choose(headers, always)
  of.choose(headers, () => false)
  const counts = (['new', 'kept', 'moved'] as const).map(
    (result) => metrics.counter(stickyRequests, { upstream: 'u', result }).value,
  )
  t.same(counts, [1, 2, 1])
})

t.test('the words are checked', async (t) => {
  t.equal(stickySchema.parse(false), false)
  t.match(stickySchema.parse(true), { cookie: 'gw_affinity', ttl: 0, path: '/', secure: 'auto' })
  const wrong = [
    { cookie: 'a b' },
    { secret: 'short' },
    { ttl: 5 },
    { path: 'a' },
    { path: '/a;b' },
    { same_site: 'none' },
    { secure: 'yes' },
  ]
  for (const written of wrong) t.notOk(stickySchema.safeParse(written).success, JSON.stringify(written))
})
