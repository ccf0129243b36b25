import fc from 'fast-check'
import t from 'tap'
import { cookieText, hasCookie, someCookie } from './cookies.ts'

t.test('a cookie is found on whichever line and place it stands', async (t) => {
  t.equal(cookieText(['Cookie', 'x=1', 'cookie', 'sess=u1'], 'sess'), 'u1')
  t.equal(cookieText(['Cookie', 'xsess=0;sess=u1 ; y=2'], 'sess'), 'u1')
  t.equal(cookieText(['Cookie', 'sess = u1'], 'sess'), 'u1')
  t.equal(cookieText(['Cookie', 'sess'], 'sess'), undefined)
  t.equal(hasCookie(['Cookie', 'a=sess=1'], 'sess'), false)
  t.equal(hasCookie(['X-Cookie', 'sess=1'], 'sess'), false)
})

t.test('two cookies of one name are not one of them', async (t) => {
  const only = cookieText(['Cookie', 'a=1'], 'a')
  t.not(cookieText(['Cookie', 'a=1; a=2'], 'a'), only)
  t.not(cookieText(['Cookie', 'a=1;a=2'], 'a'), only)
  t.not(cookieText(['Cookie', 'a=1', 'Cookie', 'a=2'], 'a'), only)
  t.not(cookieText(['Cookie', 'a=2; a=1'], 'a'), cookieText(['Cookie', 'a=1; a=2'], 'a'))
})

t.test('how pairs are spread over lines makes no difference', async () => {
  const pair = fc.tuple(fc.constantFrom('a', 'b', 'aa', 'ba'), fc.stringMatching(/^[a-c=]{0,3}$/))
  fc.assert(
    fc.property(fc.array(fc.tuple(pair, fc.boolean()), { minLength: 1 }), (pairs) => {
      const texts = pairs.map(([[name, value]]) => `${name}=${value}`)
      const joined = ['Cookie', texts.join('; ')]
      const spread: string[] = []
      pairs.forEach(([, isNew], i) => {
        if (isNew || i === 0) spread.push('Cookie', texts[i] as string)
        else spread[spread.length - 1] += `; ${texts[i]}`
      })
      const values: string[] = []
      someCookie(spread, 'a', (value) => {
        values.push(value)
        return false
      })
      const expected = pairs.filter(([[name]]) => name === 'a').map(([[, value]]) => value)
      return cookieText(joined, 'a') === cookieText(spread, 'a') && values.join(';') === expected.join(';')
    }),
  )
})

t.test('a cookie is found among others, and only it', async (t) => {
  t.equal(cookieText(['Cookie', 'a=1; gw=x; b=2'], 'gw'), 'x')
  t.equal(cookieText(['cookie', 'gw=x'], 'gw'), 'x')
  t.equal(cookieText(['Cookie', 'a=1', 'COOKIE', 'b=2;gw=x '], 'gw'), 'x')
  t.equal(cookieText(['Cookie', 'xgw=1; gwx=2; a=gw=3;  gw=4'], 'gw'), '4')
  t.equal(cookieText(['Cookie', 'gw='], 'gw'), '')
  t.equal(cookieText(['Cookie', 'gw'], 'gw'), undefined)
  t.equal(cookieText(['Set-Cookie', 'gw=1'], 'gw'), undefined)
  t.equal(cookieText([], 'gw'), undefined)
})
