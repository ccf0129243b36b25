import type { RawAnswer } from '../../harness/client.ts'
import type { TestGateway } from '../../harness/gateway.ts'
import { reply, type ScriptedOrigin, silence } from '../../harness/origin.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'

async function three(s: Scenario): Promise<ScriptedOrigin[]> {
  return [await s.origin(reply(200, {}, 'a')), await s.origin(reply(200, {}, 'b')), await s.origin(reply(200, {}, 'c'))]
}

function config(origins: readonly ScriptedOrigin[], more: object = {}, route: object = {}): Record<string, unknown> {
  const endpoints = origins.map(({ url }) => url)
  return { upstreams: { u: { endpoints, sticky: { cookie: 'gw' }, ...more } }, routes: [{ upstream: 'u', ...route }] }
}

/** What a browser would send after this answer. */
function cookieOf(answer: RawAnswer): string {
  const value = answer.header('set-cookie')
  if (value === undefined) throw new Error('no cookie')
  return value.slice(0, value.indexOf(';'))
}

async function texts(gw: TestGateway, count: number, cookie: string): Promise<string> {
  let all = ''
  for (let i = 0; i < count; i++) all += (await gw.get('/', { headers: { Cookie: `other=1; ${cookie}` } })).text
  return all
}

scenario('a client stays with the endpoint that answered it first, also after a restart', async (s, t) => {
  const origins = await three(s)
  const gw = await s.gateway(config(origins))
  const first = await gw.get('/')
  t.match(first.header('set-cookie'), /^gw=[\w-]{16}; Path=\/; HttpOnly; SameSite=Lax$/)
  t.equal(await texts(gw, 6, cookieOf(first)), first.text.repeat(6))
  const again = await gw.get('/', { headers: { Cookie: cookieOf(first) } })
  t.equal(again.header('set-cookie'), undefined, 'it is told once')
  const other = await s.gateway(config(origins))
  t.equal(await texts(other, 6, cookieOf(first)), first.text.repeat(6))
  t.equal(await gw.metric('gateway_sticky_requests_total', { upstream: 'u', result: 'kept' }), 7)
  t.equal(await gw.metric('gateway_sticky_requests_total', { upstream: 'u', result: 'new' }), 1)
})

scenario('a client moves when its endpoint drains, and keeps the new one', async (s, t) => {
  const origins = await three(s)
  const gw = await s.gateway(config(origins))
  const first = await gw.get('/')
  const mine = origins.find((origin) => origin.requests.length > 0)
  t.ok(gw.gateway.changeEndpoint('u', mine?.url ?? '', { drained: true }))
  const moved = await gw.get('/', { headers: { Cookie: cookieOf(first) } })
  t.not(moved.text, first.text)
  t.equal(await texts(gw, 4, cookieOf(moved)), moved.text.repeat(4))
  t.equal(await gw.metric('gateway_sticky_requests_total', { upstream: 'u', result: 'moved' }), 1)
})

scenario('a client moves when its endpoint is dead or no longer there', async (s, t) => {
  const origins = await three(s)
  const gw = await s.gateway(config(origins))
  const first = await gw.get('/')
  const mine = origins.find((origin) => origin.requests.length > 0) as ScriptedOrigin
  await mine.close()
  const moved = await gw.get('/', { headers: { Cookie: cookieOf(first) } })
  t.equal(moved.status, 200)
  t.not(moved.text, first.text)
  t.not(cookieOf(moved), cookieOf(first))
  await gw.apply(config(origins.filter((origin) => origin !== mine)))
  t.equal(await texts(gw, 4, cookieOf(moved)), moved.text.repeat(4))
  const gone = await gw.get('/', { headers: { Cookie: cookieOf(first) } })
  t.equal(gone.status, 200)
  t.ok(gone.header('set-cookie'))
})

scenario('a forged cookie chooses nothing', async (s, t) => {
  const origins = await three(s)
  const gw = await s.gateway(config(origins))
  const answer = await gw.get('/', {
    headers: { Cookie: `gw=${Buffer.from(origins[0]?.url ?? '').toString('base64')}` },
  })
  t.equal(answer.status, 200)
  t.ok(answer.header('set-cookie'))
})

scenario('stored answers carry nobody’s cookie', async (s, t) => {
  const origins = [await s.origin(reply(200, { 'Cache-Control': 'max-age=60' }, 'a'))]
  const gw = await s.gateway(config(origins, {}, { cache: true }))
  t.ok((await gw.get('/')).header('set-cookie'))
  t.equal((await gw.get('/')).header('set-cookie'), undefined)
})

scenario('a hedge that answers first does not move a client', async (s, t) => {
  const origins = [await s.origin(reply(200, {}, 'one'), silence), await s.origin(reply(200, {}, 'two'), silence)]
  const gw = await s.gateway(config(origins, {}, { hedge: { after: '10ms', budget: '100%' } }))
  const first = await gw.get('/')
  const hedged = await gw.get('/', { headers: { Cookie: cookieOf(first) } })
  t.equal(hedged.text, first.text === 'one' ? 'two' : 'one')
  t.equal(hedged.header('set-cookie'), undefined)
})
