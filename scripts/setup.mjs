/**
 * Brings a checkout to where its npm scripts can run: the packages of package-lock.json, a Node that is new enough and,
 * with --tests, --bench or --effects, what those need of the system. Says nothing and takes a moment when all is there.
 * Runs first, on Node 20 and before anything is installed: so plain JavaScript, and nothing but Node's own modules.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { delimiter, dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What package.json's `engines` asks for: the oldest Node that undici 8 runs on. */
const oldestNode = [22, 19]

/** Commands, by Debian packages of the same name (or as below), and who cannot do without them. */
const systemPackages = {
  '--tests': ['redis-server', 'chromium'],
  '--bench': ['nginx', 'haproxy', 'varnishd', 'caddy', 'wrk'],
  '--effects': ['nginx', 'haproxy', 'varnishd', 'redis-server'],
}
const packageNames = { varnishd: 'varnish' }

/**
 * Debian starts a service when it installs it, and again at boot; nobody asked us for a running Redis or nginx.
 * policy-rc.d forbids the first, `systemctl disable` the second. The package lists of a fresh container are empty,
 * hence the second try.
 */
const aptScript = `
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' INT TERM
  printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get -qq -o DPkg::Lock::Timeout=60 install -y --no-install-recommends "$@" >/dev/null </dev/null; }
install "$@" 2>/dev/null || { apt-get -qq update </dev/null >/dev/null && install "$@"; }
if [ -d /run/systemd/system ]; then
  for name in "$@"; do systemctl disable --quiet "$name" 2>/dev/null; done
fi
`

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const inRoot = (...parts) => join(root, ...parts)

installPackages()
provideNode()
if (process.argv.includes('--tests')) buildTap()
installSystemPackages(process.argv.slice(2).flatMap((flag) => systemPackages[flag] ?? []))

function installPackages() {
  if (arePackagesInstalled()) return
  say('Installing the packages of package-lock.json (npm ci) …')
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    // npm must not run on the Node inside node_modules, which it is about to delete.
    env: { ...process.env, PATH: pathOutside() },
  })
  if (npm.status !== 0) {
    fail('npm ci failed (see above): is the registry reachable, and does package-lock.json fit package.json?')
  }
}

/** npm notes what it installed in node_modules/.package-lock.json, as its last step. */
function arePackagesInstalled() {
  const installed = readPackages(inRoot('node_modules', '.package-lock.json'))
  const wanted = readPackages(inRoot('package-lock.json'))
  if (wanted === undefined) fail('package-lock.json is missing or not JSON')
  if (installed === undefined) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const there = installed[path]
    // Packages of other platforms are optional, and absent.
    return there === undefined ? entry.optional === true : there.version === entry.version
  })
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}

/** npm scripts find node_modules/.bin first on their path: what is there must be a Node that runs this project. */
function provideNode() {
  const link = inRoot('node_modules', '.bin', 'node')
  if (isNodeNewEnough(versionOf(link))) return
  const fetcher = inRoot('node_modules', 'node')
  if (existsSync(fetcher)) {
    // Its install script fetches the binary for this platform; npm may be configured not to run install scripts.
    spawnSync(process.execPath, ['installArchSpecificPackage.js'], {
      cwd: fetcher,
      stdio: 'ignore',
      env: { ...process.env, PATH: pathOutside(), npm_config_ignore_scripts: 'true' },
    })
    relink(link, join('..', 'node', 'bin', 'node'))
    if (isNodeNewEnough(versionOf(link))) return
  }
  if (!isNodeNewEnough(process.version)) {
    fail(
      `this needs Node ${oldestNode.join('.')} or newer and runs on ${process.version}; the \`node\` package, which brings ` +
        'one along, has no binary that runs on this machine. Install a newer Node and try again',
    )
  }
  relink(link, process.execPath)
}

function relink(link, target) {
  rmSync(link, { force: true })
  symlinkSync(target, link)
}

function versionOf(node) {
  return spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? ''
}

function isNodeNewEnough(version) {
  const [major = 0, minor = 0] = version.trim().replace(/^v/, '').split('.').map(Number)
  const [oldestMajor, oldestMinor] = oldestNode
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
}

/** tap compiles its plugins into one class, and its first run after installation still loads those that .taprc drops. */
function buildTap() {
  const dropped = [...readFileSync(inRoot('.taprc'), 'utf8').matchAll(/^\s*-\s*["']!([^"']+)["']/gm)].map(
    ([, name]) => name,
  )
  const built = inRoot('node_modules', '@tapjs', 'test', 'test-built', 'dist', 'esm', 'index.js')
  const source = existsSync(built) ? readFileSync(built, 'utf8') : ''
  if (source !== '' && !dropped.some((plugin) => source.includes(`"${plugin}"`))) return
  say('Building the test runner (tap build) …')
  const node = inRoot('node_modules', '.bin', 'node')
  const tap = spawnSync(node, [inRoot('node_modules', '.bin', 'tap'), 'build'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${inRoot('node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}` },
  })
  if (tap.status !== 0) fail(`tap build failed\n${tap.stdout}${tap.stderr}`)
}

function installSystemPackages(wanted) {
  const missing = wanted.filter((command) => !isCommand(command))
  if (missing.length === 0) return
  const wantedPackages = missing.map((command) => packageNames[command] ?? command)
  const names = wantedPackages.join(' ')
  const become = aptPrefix()
  if (become !== undefined) {
    say(`Installing ${names} (apt-get) …`)
    const [command, ...args] = [...become, 'sh', '-c', aptScript, 'setup', ...wantedPackages]
    const apt = spawnSync(command, args, { encoding: 'utf8', timeout: 300_000 })
    const still = missing.filter((name) => !isCommand(name))
    if (still.length === 0) return
    say((apt.stderr ?? '').trim().split('\n').slice(-3).join('\n'))
  }
  say(
    `Not installed: ${names}. Install with: sudo apt-get install ${names}. What needs them will say so and be skipped.`,
  )
}

/** How to run apt-get as root without a question; undefined where that can't be. */
function aptPrefix() {
  if (!isCommand('apt-get')) return undefined
  if (process.getuid?.() === 0) return ['env']
  if (isCommand('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0) return ['sudo', '-n']
  return undefined
}

function isCommand(name) {
  // Debian keeps servers in sbin, which is not on every user's path.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return folder !== ''
    } catch {
      return false
    }
  })
}

/** The path without the folders of this checkout's node_modules. */
function pathOutside() {
  const inside = inRoot('node_modules') + sep
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.startsWith(inside))
    .join(delimiter)
}

function say(line) {
  process.stderr.write(`${line}\n`)
}

function fail(why) {
  say(`setup: ${why}.`)
  process.exit(1)
}
