/** bin/gateway.mjs: which Node runs which code. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { gatewayCommand } from '../../test/harness/command.ts'

const bin = fileURLToPath(new URL('../../bin/gateway.mjs', import.meta.url))

/** Makes Node pass for an old one, until it was started anew by us. */
function pretending(version: string, always = false): Record<string, string> {
  const code = `${always ? '' : 'process.env.GATEWAY_REEXECUTED||'}Object.defineProperty(process,'version',{value:'${version}'})`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` }
}

/** A package as it is installed: no sources, no Node of its own. */
function installed(folder: string, main?: string): string {
  mkdirSync(join(folder, 'bin'))
  copyFileSync(bin, join(folder, 'bin', 'gateway.mjs'))
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
  if (main === undefined) return join(folder, 'bin', 'gateway.mjs')
  mkdirSync(join(folder, 'dist', 'cli'), { recursive: true })
  writeFileSync(join(folder, 'dist', 'cli', 'main.js'), main)
  return join(folder, 'bin', 'gateway.mjs')
}

const echoing = 'export async function main(args) { process.stdout.write(args.join()); return 7 }\n'

t.test('an installed package runs its compiled code, and its exit code is the command’s', async (t) => {
  const { code, stdout } = await gatewayCommand(['a', 'b'], { bin: installed(t.testdir(), echoing) })
  t.equal(stdout, 'a,b')
  t.equal(code, 7)
})

t.test('an old Node is told in one line which versions will do', async (t) => {
  const own = installed(t.testdir(), echoing)
  for (const version of ['v12.0.0', 'v18.20.4', 'v20.19.0', 'v22.18.9']) {
    const { code, stdout, stderr } = await gatewayCommand(['--version'], { bin: own, env: pretending(version) })
    t.equal(code, 1, version)
    t.equal(stdout, '')
    t.equal(stderr.trim().split('\n').length, 1)
    t.match(stderr, `gateway: Node ${version} is too old; Node 22.19 or later will do`)
  }
  for (const version of ['v22.19.0', 'v22.20.0', 'v24.0.0', 'v100.1.0']) {
    t.equal((await gatewayCommand([], { bin: own, env: pretending(version) })).code, 7, version)
  }
})

t.test('in a checkout an old Node hands over to the one that npm installed there', async (t) => {
  const { code, stdout, stderr } = await gatewayCommand(['--version'], { env: pretending('v20.0.0') })
  t.equal(code, 0, stderr)
  t.match(stdout, /^latency gateway \d+\.\d+\.\d+/)
})

t.test('it hands over once at most', async (t) => {
  const { code, stderr } = await gatewayCommand(['--version'], { env: pretending('v20.0.0', true) })
  t.equal(code, 1)
  t.match(stderr, /too old/)
})

t.test('a package without code says so', async (t) => {
  const { code, stderr } = await gatewayCommand([], { bin: installed(t.testdir()) })
  t.equal(code, 1)
  t.match(stderr, /is missing: the package is not complete/)
})
