/** The commands that look at a configuration without running it, as processes: check, routes, schema, explain, help. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { gatewayCommand } from '../../test/harness/command.ts'

const inRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const example = inRoot('gateway.example.yaml')

const noStack = /\n\s+at /

t.test('every example is right', async (t) => {
  const files = readdirSync(inRoot('config/examples')).filter((name) => name.endsWith('.yaml'))
  t.ok(files.length >= 6)
  for (const file of [example, ...files.map((name) => inRoot(`config/examples/${name}`))]) {
    const { code, stdout, stderr } = await gatewayCommand(['check', '-c', file])
    t.equal(stderr, '', file)
    t.match(stdout, /^ok .*\d+ routes?/, file)
    t.equal(code, 0, file)
  }
})

t.test('check shows every problem with its place, and exits with 1', async (t) => {
  const file = join(t.testdir(), 'wrong.yaml')
  writeFileSync(file, 'routes:\n  - upstraem: http://localhost:3000\n  - upstream: shop\n    timeouts: {connect: 5}\n')
  const { code, stdout, stderr } = await gatewayCommand(['check', '-c', file])
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /wrong\.yaml:2:5/)
  t.match(stderr, /wrong\.yaml:4:\d+/)
  t.match(stderr, /wrong\.yaml: \d errors/)
  t.notMatch(stderr, noStack)
})

t.test('check --json is for scripts', async (t) => {
  const file = join(t.testdir(), 'wrong.yaml')
  writeFileSync(file, 'routes:\n  - upstraem: http://localhost:3000\n')
  const wrong = await gatewayCommand(['check', '--json', '-c', file])
  t.equal(wrong.code, 1)
  t.match(JSON.parse(wrong.stdout), { ok: false, problems: [{ line: 2, column: 5 }] })
  const right = await gatewayCommand(['check', '--json', '-c', example])
  t.equal(right.code, 0)
  t.match(JSON.parse(right.stdout), { ok: true, problems: [] })
})

t.test('a file that is not there is one line and exit code 1', async (t) => {
  for (const name of ['check', 'routes', 'explain']) {
    const args = name === 'explain' ? ['GET', '/'] : []
    const { code, stderr } = await gatewayCommand([name, ...args, '-c', 'nowhere.yaml'], { cwd: t.testdir() })
    t.equal(code, 1, name)
    t.match(stderr, 'nowhere.yaml', name)
    t.notMatch(stderr, noStack, name)
  }
})

t.test('routes are listed in the order in which they match', async (t) => {
  const { code, stdout } = await gatewayCommand(['routes', '-c', example])
  t.equal(code, 0)
  t.match(stdout, /^NAME +MATCH +TARGET/)
  t.match(stdout, /^canary +\/canary\/\*\* +steady 90% \+ shop 10%/m)
  const json = await gatewayCommand(['routes', '-c', example, '--json'])
  const names = JSON.parse(json.stdout).routes.map((route: { name: string }) => route.name)
  t.same(names.slice(0, 3), ['shop', 'impatient', 'legacy'])
})

t.test('schema is the JSON Schema that is committed for editors', async (t) => {
  const { code, stdout } = await gatewayCommand(['schema', '--json'])
  t.equal(code, 0)
  const schema = JSON.parse(stdout)
  t.match(schema, { type: 'object', properties: { routes: {}, upstreams: {}, listeners: {}, admin: {} } })
  t.same(JSON.parse(readFileSync(inRoot('config/gateway.schema.json'), 'utf8')), schema, 'otherwise: npm run docs')
})

t.test('explain says which route, why not the earlier ones, and what is sent where', async (t) => {
  const { code, stdout } = await gatewayCommand([
    'explain',
    'GET',
    'http://127.0.0.1:8080/app/cart?x=1',
    '-H',
    'Cookie: a=b',
    '-H',
    'X-Kept: yes',
    '-c',
    example,
  ])
  t.equal(code, 0)
  t.match(stdout, /shop .*path/i)
  t.match(stdout, /beta .*x-beta/i)
  t.match(stdout, /GET \/app\/cart\?x=1 HTTP\/1\.1/)
  t.match(stdout, /X-Variant: stable/)
  t.match(stdout, /X-Kept: yes/)
  t.match(stdout, /http:\/\/127\.0\.0\.1:9913/)
  t.notMatch(stdout, 'Cookie: a=b')
})

t.test('explain --json has the same for scripts', async (t) => {
  const { code, stdout } = await gatewayCommand(['explain', 'GET', '/shop/cart', '--json', '-c', example])
  t.equal(code, 0)
  t.match(JSON.parse(stdout), {
    route: 'shop',
    upstream: [{ to: 'shop', share: 1, endpoints: ['http://127.0.0.1:9911', 'http://127.0.0.1:9912'] }],
    sent: { method: 'GET', target: '/cart' },
  })
})

t.test('explain shows answers that the gateway gives itself', async (t) => {
  const redirect = await gatewayCommand(['explain', 'GET', 'http://h.example/old/x', '-c', example])
  t.match(redirect.stdout, /308/)
  t.match(redirect.stdout, /Location: https:\/\/h\.example\/shop\//i)
  const unmatched = await gatewayCommand(['explain', 'GET', '/nowhere', '-c', example])
  t.equal(unmatched.code, 0)
  t.match(unmatched.stdout, /404/)
  const refused = await gatewayCommand(['explain', 'GET', '/a%5Cb', '-c', example])
  t.match(refused.stdout, /400/)
})

t.test('help has examples for every command, and version is one line', async (t) => {
  const top = await gatewayCommand(['--help'])
  t.equal(top.code, 0)
  t.match(top.stdout, 'Exit codes:')
  for (const name of ['run', 'check', 'routes', 'explain', 'schema', 'demo']) {
    t.match(top.stdout, new RegExp(`^  ${name} `, 'm'))
    const { code, stdout } = await gatewayCommand([name, '--help'])
    t.equal(code, 0, name)
    t.match(stdout, /\nExamples:\n {2}\$ gateway /, name)
  }
  t.match((await gatewayCommand(['--version'])).stdout, /^latency gateway \d+\.\d+\.\d+ \(Node [\d.]+\)\n$/)
})

t.test('wrong usage is exit code 2 and no stack', async (t) => {
  const wrong = [
    ['chekc'],
    ['run', '--grcae', '1s'],
    ['run', '--grace', 'soon'],
    ['demo', '--port', 'x'],
    ['explain', 'GET'],
    ['explain', 'GET', '/', '-H', 'no colon'],
  ]
  for (const args of wrong) {
    const { code, stderr } = await gatewayCommand(args)
    t.equal(code, 2, args.join(' '))
    t.match(stderr, /^gateway: /, args.join(' '))
    t.match(stderr, /^`gateway --help` lists what there is\.$/m, args.join(' '))
    t.notMatch(stderr, noStack, args.join(' '))
  }
  t.equal((await gatewayCommand([])).code, 2)
})
