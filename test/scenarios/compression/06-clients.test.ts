import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'
import t from 'tap'
import { type Behaviour, reply } from '../../harness/origin.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'
import { unhooked } from '../../harness/unhooked.ts'
import { codings, listing, noise } from './coding.ts'

const small = listing(6_000)
const large = listing(400_000)
const base = noise(30_000).toString('base64')

/** What a site serves: pages, streams, data, and a script in two versions. */
const site: Behaviour = (request, answer) => {
  const json = { 'content-type': 'application/json', etag: '"v1"', 'cache-control': 'max-age=0' }
  const script = { 'content-type': 'text/javascript', 'cache-control': 'max-age=600' }
  if (request.target.endsWith('/small')) return reply(200, json, small)(request, answer)
  if (request.target.endsWith('/large')) return reply(200, json, large)(request, answer)
  if (request.target.endsWith('/chunked')) {
    const chunks = [large.slice(0, 70_000), large.slice(70_000, 70_001), large.slice(70_001)]
    return reply(200, json, '', { chunks })(request, answer)
  }
  if (request.target.startsWith('/app.1.js'))
    return reply(200, script, `/* ${base} */ globalThis.version = 1`)(request, answer)
  if (request.target.startsWith('/app.2.js'))
    return reply(200, script, `/* ${base} */ globalThis.version = 2`)(request, answer)
  return reply(200, { 'content-type': 'text/html' }, '<!doctype html><title>site</title>')(request, answer)
}

const targets = { small, large, chunked: large }
const kinds = ['cached', 'padded', 'minified', 'streamed'] as const

/** A gateway with a route for each coding and each way of making it: `/br/cached/large`. */
async function everyWay(s: Scenario): Promise<string> {
  const origin = await s.origin(site)
  const options = { cached: {}, padded: { padding: '100B' }, minified: { minify: true }, streamed: {} }
  const routes = codings.flatMap((coding) =>
    kinds.map((kind) => ({
      match: `/${coding}/${kind}/**`,
      upstream: origin.url,
      compression: { encodings: [coding], ...options[kind] },
      cache: kind === 'cached',
    })),
  )
  const dictionaries = { encodings: ['zstd'], dictionaries: { match: '/app.*.js' } }
  const app = { match: '/**', upstream: origin.url, compression: dictionaries, cache: true }
  const gw = await s.gateway({ routes: [...routes, app] })
  return `http://${gw.address}`
}

const run = promisify(execFile)
const found = (name: string) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)))

const everything = codings.flatMap((coding) =>
  kinds.flatMap((kind) =>
    Object.entries(targets).map(([target, body]) => ({ coding, path: `/${coding}/${kind}/${target}`, body })),
  ),
)

if (found('curl')) {
  scenario('curl decodes everything that it can decode', async (s, t) => {
    const url = await everyWay(s)
    const { stdout: version } = await run(...unhooked('curl', ['--version']))
    const builtIn = { gzip: /\blibz\b/, br: /\bbrotli\b/, zstd: /\bzstd\b/ }
    for (const { coding, path, body } of everything) {
      if (!builtIn[coding].test(version)) continue
      const args = ['-sSi', '--fail', '--compressed', '-H', `Accept-Encoding: ${coding}`, url + path]
      for (const round of [1, 2]) {
        const { stdout } = await run(...unhooked('curl', args), { maxBuffer: 1e7 })
        const end = stdout.indexOf('\r\n\r\n')
        t.match(stdout.slice(0, end).toLowerCase(), `content-encoding: ${coding}`, `${path} ${round}`)
        t.ok(stdout.slice(end + 4) === body, `${path} ${round}`)
      }
    }
  })
} else t.skip('curl decodes everything: curl is not installed', async () => {})

scenario('Node’s fetch decodes everything, and revalidates what it has', async (s, t) => {
  const url = await everyWay(s)
  for (const { coding, path, body } of everything) {
    for (const round of [1, 2]) {
      const headers = { 'accept-encoding': coding }
      const answer = await fetch(url + path, { headers })
      t.equal(answer.headers.get('content-encoding'), coding, `${path} ${round}`)
      t.ok((await answer.text()) === body, `${path} ${round}`)
      const tag = answer.headers.get('etag') ?? ''
      const again = await fetch(url + path, { headers: { ...headers, 'if-none-match': tag } })
      await again.arrayBuffer()
      t.equal(again.status, path.includes('cached') ? 304 : 200)
    }
  }
})

const executable = '/usr/bin/chromium'

if (existsSync(executable)) {
  scenario('a browser decodes everything, from the network and from its own cache', async (s, t) => {
    const page = await pageOf(s, `${await everyWay(s)}/`)
    for (const { coding, path, body } of everything) {
      for (const round of [1, 2]) {
        const got = await page.evaluate(async (path) => {
          const answer = await fetch(path)
          return { coding: answer.headers.get('content-encoding'), text: await answer.text() }
        }, path)
        t.equal(got.coding, coding, `${path} ${round}`)
        t.ok(got.text === body, `${path} ${round}`)
      }
    }
  })

  scenario('a browser that has a version of a script gets the next one as what differs', async (s, t) => {
    const page = await pageOf(s, `${await everyWay(s)}/`)
    const load = (path: string) =>
      page.evaluate(async (path) => {
        const answer = await fetch(path)
        const text = await answer.text()
        return { coding: answer.headers.get('content-encoding'), isWhole: text.endsWith('version = 2') }
      }, path)
    await load('/app.1.js')
    // The browser stores a dictionary when it has time for it.
    let got = await load('/app.2.js?0')
    for (let n = 1; got.coding !== 'dcz' && n < 100; n++) got = await load(`/app.2.js?${n}`)
    t.strictSame(got, { coding: 'dcz', isWhole: true })
  })
} else t.skip('a browser decodes everything: Chromium is not installed', async () => {})

async function pageOf(s: Scenario, url: string) {
  const browser: Browser = await chromium.launch({
    executablePath: executable,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  s.atEnd(() => browser.close())
  const page = await browser.newPage()
  await page.goto(url)
  return page
}

t.setTimeout(120_000)
