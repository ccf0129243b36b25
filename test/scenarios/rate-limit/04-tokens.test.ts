import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, type JWTPayload, SignJWT } from 'jose'
import { type Scenario, scenario } from '../../harness/scenario.ts'

const secret = 'a-secret-of-some-length'

function signed(claims: JWTPayload, key: Uint8Array | KeyObject, alg = 'HS256') {
  return new SignJWT(claims).setProtectedHeader({ alg, kid: 'one' }).sign(key)
}

async function limited(s: Scenario, rateLimit: object) {
  const origin = await s.origin()
  const gw = await s.gateway({
    routes: [{ name: 'r', upstream: origin.url, rate_limit: { limit: '1/m', ...rateLimit } }],
  })
  return {
    gw,
    ask: async (token: string) => (await gw.get('/', { headers: ['Authorization', `Bearer ${token}`] })).status,
  }
}

scenario('clients are told apart by a claim that is merely read', async (s, t) => {
  const { gw, ask } = await limited(s, { by: 'jwt:sub' })
  const key = Buffer.from('nobody checks this one')
  const [alice, bob] = [await signed({ sub: 'alice' }, key), await signed({ sub: 'bob' }, key)]
  t.same([await ask(alice), await ask(bob), await ask(alice)], [200, 200, 429])
  t.same([(await gw.get('/')).status, (await gw.get('/')).status], [200, 429], 'who has no token, by address')
})

scenario('a claim counts only when the token is verified, where a key is configured', async (s, t) => {
  const { gw, ask } = await limited(s, { by: 'jwt:sub', jwt: { secret, issuer: 'us' } })
  const right = Buffer.from(secret)
  const alice = await signed({ sub: 'alice', iss: 'us' }, right)
  t.same([await ask(alice), await ask(alice)], [200, 429])
  // All these count as their sender's address, which has one request.
  const wrong = [
    await signed({ sub: 'a', iss: 'us' }, Buffer.from('another secret, as long')),
    await signed({ sub: 'b', iss: 'them' }, right),
    await signed({ sub: 'c', iss: 'us', exp: 1 }, right),
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"d","iss":"us"}').toString('base64url')}.`,
    'x.y.z',
    '..',
    'é',
  ]
  const statuses: number[] = []
  for (const token of wrong) statuses.push(await ask(token))
  t.same(statuses, [200, 429, 429, 429, 429, 429, 429])
  t.equal(
    await gw.metric('gateway_rate_limit_tokens_total', { route: 'r', result: 'valid' }),
    1,
    'once, not per request',
  )
})

scenario('public keys come from a PEM file or a key set', async (s, t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'))
  s.atEnd(async () => rmSync(folder, { recursive: true }))
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [pem, set] = [join(folder, 'key.pem'), join(folder, 'keys.json')]
  writeFileSync(pem, createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }))
  writeFileSync(set, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] }))
  for (const jwt of [{ public_key: pem }, { jwks: set }]) {
    const { ask } = await limited(s, { by: 'jwt:tenant', jwt })
    const [one, two] = [
      await signed({ tenant: 1 }, privateKey, 'ES256'),
      await signed({ tenant: 2 }, privateKey, 'ES256'),
    ]
    t.same([await ask(one), await ask(two), await ask(one)], [200, 200, 429], Object.keys(jwt).join())
  }
})
