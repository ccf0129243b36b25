/** The package as a user gets it: packed, installed into an empty folder, and run from there. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { unhooked } from './harness/unhooked.ts'
import { SpawnedGateway } from './limits/spawned.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What a user needs: the command, the compiled code, its pages and the schema. */
const expected = /^(bin|dist|docs|config)\/|^(package\.json|README\.md|CHANGELOG\.md|LICENSE|gateway\.example\.yaml)$/

interface Packed {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

/** What npm tells its scripts is about this checkout, and would lead an npm in another folder back here. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !name.startsWith('npm_') || /^npm_config_(registry|cache)$/.test(name),
  ),
)

function pack(folder: string): Packed {
  const args = ['pack', '--json', '--loglevel=error', '--pack-destination', folder]
  const printed = execFileSync(...unhooked('npm', args), { cwd: root, env: environment, encoding: 'utf8' })
  // npm 12 prints an object by package name, earlier ones a list.
  const report: Packed[] | Record<string, Packed> = JSON.parse(printed.slice(printed.search(/^[[{]/m)))
  const [packed] = Object.values(report)
  if (packed === undefined) throw new Error(`npm pack printed ${printed}`)
  return packed
}

const folder = mkdtempSync(join(tmpdir(), 'gateway-package-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const packed = pack(folder)
const installed = join(folder, 'user', 'node_modules')

t.test('it holds what a user needs, and nothing else', async (t) => {
  const paths = packed.files.map(({ path }) => path)
  t.strictSame(
    paths.filter((path) => !expected.test(path) || /\.test\.|(?<!\.d)\.ts$/.test(path)),
    [],
  )
  for (const path of [
    'bin/gateway.mjs',
    'dist/cli/main.js',
    'dist/index.d.ts',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
  ]) {
    t.ok(paths.includes(path), path)
  }
  t.ok(packed.size < 500_000, `${packed.size} bytes`)
})

t.test('it installs into an empty folder', async (t) => {
  const user = join(folder, 'user')
  mkdirSync(user)
  writeFileSync(join(user, 'package.json'), '{"name": "user", "private": true, "type": "module"}')
  const flags = ['--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = spawnSync(...unhooked('npm', ['install', ...flags, join(folder, packed.filename)]), {
    cwd: user,
    env: environment,
    encoding: 'utf8',
  })
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/.test(npm.stderr)) {
    t.bailout('the package registry cannot be reached: installing the packed package is not tested')
  }
  t.equal(npm.status, 0, npm.stderr)
  t.ok(existsSync(join(installed, '.bin', 'gateway')))
  t.notOk(existsSync(join(installed, 'tap')), 'no development packages')
})

const gateway = join(installed, '.bin', 'gateway')

t.test('its command says which version it is', async (t) => {
  const printed = execFileSync(...unhooked(process.execPath, [gateway, '--version']), { encoding: 'utf8' })
  t.match(printed, /^latency gateway \d+\.\d+\.\d+/)
})

t.test('its command checks a configuration, and finds what is wrong with one', async (t) => {
  const check = (text: string) => {
    const file = join(folder, 'checked.yaml')
    writeFileSync(file, text)
    return spawnSync(...unhooked(process.execPath, [gateway, 'check', '-c', file]), { encoding: 'utf8' })
  }
  t.equal(check('routes:\n  - upstream: http://localhost:3000\n').status, 0)
  const wrong = check('routes:\n  - upstraem: http://localhost:3000\n')
  t.equal(wrong.status, 1)
  t.match(wrong.stdout + wrong.stderr, /checked\.yaml:2:5.*upstraem/s)
})

t.test('its command checks the example configuration that comes with it', async (t) => {
  const example = join(installed, 'latency-gateway', 'gateway.example.yaml')
  const checked = spawnSync(...unhooked(process.execPath, [gateway, 'check', '-c', example]), { encoding: 'utf8' })
  t.equal(checked.status, 0, checked.stdout + checked.stderr)
})

t.test('it proxies a request', async (t) => {
  const origin = createServer((request, response) => response.end(`origin saw ${request.url}`))
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    origin.closeAllConnections()
    origin.close()
  })
  const address = origin.address()
  const originPort = typeof address === 'object' && address !== null ? address.port : 0
  const running = await SpawnedGateway.start(
    t,
    ({ port, admin }) => `
listeners: [{address: "127.0.0.1:${port}"}]
admin: {address: "127.0.0.1:${admin}"}
routes:
  - upstream: http://127.0.0.1:${originPort}
`,
    { command: [process.execPath, gateway] },
  )
  const body = await new Promise<string>((resolve, reject) => {
    get({ host: '127.0.0.1', port: running.port, path: '/cart', agent: false }, (answer) => {
      answer.setEncoding('utf8')
      let text = ''
      answer.on('data', (part: string) => {
        text += part
      })
      answer.once('end', () => resolve(text))
    }).once('error', reject)
  })
  t.equal(body, 'origin saw /cart')
  running.signal('SIGTERM')
  t.equal(await running.exited, 0)
})

t.test('it can be embedded, with types', async (t) => {
  const user = join(folder, 'user')
  writeFileSync(
    join(user, 'embed.ts'),
    "import { Gateway } from 'latency-gateway'\nexport const start: (typeof Gateway)['start'] = Gateway.start\n",
  )
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const checks = { noEmit: true, strict: true, module: 'nodenext', target: 'es2023', skipLibCheck: false }
  // In a file: on the command line, a folder with a comma in its name would be two.
  const compilerOptions = { ...checks, types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] }
  writeFileSync(join(user, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['embed.ts'] }))
  const tsc = spawnSync(...unhooked(process.execPath, [compiler, '-p', 'tsconfig.json']), {
    cwd: user,
    encoding: 'utf8',
  })
  t.equal(tsc.status, 0, tsc.stdout)
  const run = ['--input-type=module', '-e', "import('latency-gateway').then((m) => console.log(typeof m.Gateway))"]
  t.equal(execFileSync(...unhooked(process.execPath, run), { cwd: user, encoding: 'utf8' }).trim(), 'function')
})
