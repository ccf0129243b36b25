/** Of several affinity cookies (another path's, an old domain's: RFC 6265 §5.4) any that names an endpoint counts. */
import { reply } from '../harness/origin.ts'
import { type Scenario, scenario } from '../harness/scenario.ts'

async function two(s: Scenario) {
  const origins = [await s.origin(reply(200, {}, 'a')), await s.origin(reply(200, {}, 'b'))]
  const gw = await s.gateway({
    upstreams: { u: { endpoints: origins.map(({ url }) => url), sticky: true } },
    routes: [{ upstream: 'u' }],
  })
  const first = await gw.get('/')
  const cookie = first.header('set-cookie')?.split(';')[0] ?? ''
  return { gw, cookie, text: first.text }
}

scenario('a dead affinity cookie does not hide a good one, in one line or in several', async (s, t) => {
  const { gw, cookie, text } = await two(s)
  const lines = [
    `gw_affinity=old; ${cookie}`,
    `${cookie}; gw_affinity=old`,
    `gw_affinity=; a=b; gw_affinity=old; ${cookie}; c=d`,
    `xgw_affinity=1; gw_affinity=old;${cookie}`,
  ]
  for (const line of lines) {
    for (let i = 0; i < 3; i++) {
      const answer = await gw.get('/', { headers: { Cookie: line } })
      t.same([answer.text, answer.header('set-cookie')], [text, undefined], line)
    }
  }
  for (const several of [
    ['gw_affinity=old', cookie],
    ['a=b', 'gw_affinity=older; gw_affinity=old', `c=d; ${cookie}`],
  ]) {
    for (let i = 0; i < 3; i++) {
      const client = await gw.client()
      const fields = several.map((line) => `Cookie: ${line}\r\n`).join('')
      client.send(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`)
      const answer = await client.answer()
      await answer.body.rest()
      t.same([answer.status, answer.text, answer.header('set-cookie')], [200, text, undefined], several.join(' | '))
    }
  }
  t.ok(
    (await gw.get('/', { headers: { Cookie: 'gw_affinity=old' } })).header('set-cookie'),
    'a dead one alone is replaced',
  )
})
