#!/usr/bin/env node
// The command. Plain JavaScript that any Node can read, since it has to say which Node will do. In a checkout it runs
// the sources, and with the Node that npm installed there when the one it was started with is too old.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import os from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import v8 from 'node:v8'

const needed = [22, 19]
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'src', 'cli', 'main.ts')
const compiled = join(root, 'dist', 'cli', 'main.js')
const ownNode = join(root, 'node_modules', 'node', 'bin', 'node')

function isNewEnough(version) {
  const parts = version.replace(/^v/, '').split('.').map(Number)
  return parts[0] > needed[0] || (parts[0] === needed[0] && parts[1] >= needed[1])
}

function ownNodeWillDo() {
  if (process.env.GATEWAY_REEXECUTED === '1' || !existsSync(source) || !existsSync(ownNode)) return false
  const asked = spawnSync(ownNode, ['--version'], { encoding: 'utf8' })
  return asked.status === 0 && isNewEnough(asked.stdout.trim())
}

function runWithOwnNode() {
  const args = [fileURLToPath(import.meta.url)].concat(process.argv.slice(2))
  const env = Object.assign({}, process.env, { GATEWAY_REEXECUTED: '1' })
  const child = spawn(ownNode, args, { stdio: 'inherit', env })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGQUIT']
  for (const signal of signals) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(`could not run ${ownNode}: ${error.message}`))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    for (const each of signals) process.removeAllListeners(each)
    process.kill(process.pid, signal)
  })
}

function fail(message) {
  process.stderr.write(`gateway: ${message}\n`)
  process.exit(1)
}

const tuning = [
  // V8 may give its young generation three times 16 MiB. A proxy's garbage dies at once: with 4 MiB, 10 000 idle
  // connections take 40 MB less, and a request costs no more (measured with `npm run bench`).
  { name: 'semi-space-size', option: () => '--max-semi-space-size=4' },
  // V8 has four threads for its garbage whatever the machine has. Where they share a core with the event loop, it gets a
  // fifth of it while they work (bench/cache-memory: pauses above 30 ms become a third). One alone has scavenges wait.
  { name: 'v8-pool-size', option: () => `--v8-pool-size=${Math.max(2, Math.min(4, os.availableParallelism()))}` },
]

// V8 may let the old generation grow to several times what lives in it before it collects. What a cache lets go of is all
// there: at half as much again, the process of bench/cache-memory takes 150 MB less and works as fast.
const growth = '--heap-growing-percent=50'

/** Replaces this process by one with our settings of V8, where the platform can and the operator has not set his own. */
function tune() {
  const given = process.execArgv.concat(process.env.NODE_OPTIONS ?? '').join(' ')
  if (!given.includes('heap-growing-percent')) v8.setFlagsFromString(growth)
  if (typeof process.execve !== 'function' || process.platform === 'win32') return
  const missing = tuning.filter(({ name }) => !given.includes(name))
  if (missing.length === 0) return
  const options = missing.map(({ option }) => option())
  const args = [process.execPath].concat(options, process.execArgv, process.argv.slice(1))
  process.execve(process.execPath, args, process.env)
}

if (isNewEnough(process.version)) {
  tune()
  const main = existsSync(source) ? source : compiled
  if (!existsSync(main)) fail(`${main} is missing: the package is not complete`)
  import(pathToFileURL(main).href)
    .then((module) => module.main(process.argv.slice(2)))
    .then((code) => {
      process.exitCode = code
    })
    .catch((error) => fail(process.env.GATEWAY_DEBUG ? error.stack : error.message))
} else if (ownNodeWillDo()) {
  runWithOwnNode()
} else {
  fail(`Node ${process.version} is too old; Node 22.19 or later will do (22 LTS, 24 LTS or newer)`)
}
