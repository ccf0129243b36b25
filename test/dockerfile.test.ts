/** The image is built elsewhere; this reads its recipe for what would only show there: missing files, lost signals, root. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const inRoot = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))

interface Instruction {
  readonly word: string
  readonly rest: string
}

/** Instructions in order, with continued lines joined and comments dropped. */
function instructionsOf(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#') && line.trim() !== '')
  const joined = lines.join('\n').replaceAll(/\\\n\s*/g, '')
  return joined.split('\n').map((line) => {
    const [word = '', ...rest] = line.split(' ')
    return { word, rest: rest.join(' ').trim() }
  })
}

/** What .dockerignore lets through: it lists everything as ignored, then the exceptions. */
function isInContext(path: string, ignored: readonly string[]): boolean {
  return ignored.some(
    (line) => line.startsWith('!') && (path === line.slice(1) || path.startsWith(`${line.slice(1)}/`)),
  )
}

const all = instructionsOf(readFileSync(inRoot('Dockerfile'), 'utf8'))
const runtime = all.slice(all.findLastIndex(({ word }) => word === 'FROM'))
const last = (word: string) => runtime.findLast((instruction) => instruction.word === word)?.rest ?? ''

t.test('the image is made in two stages, so that no compiler ships', async (t) => {
  const stages = all.filter(({ word }) => word === 'FROM').map(({ rest }) => rest)
  t.equal(stages.length, 2)
  t.match(stages[0], /^node:24\S* AS build$/)
  t.match(stages[1], /^node:24\S*-slim$/)
  t.notOk(runtime.some(({ word, rest }) => word === 'RUN' && rest.includes('npm')))
})

t.test('every file that is copied exists and reaches the build', async (t) => {
  const ignored = readFileSync(inRoot('.dockerignore'), 'utf8').split('\n')
  t.ok(ignored.includes('*'), 'nothing is sent but what is listed')
  for (const { rest } of all.filter(({ word }) => word === 'COPY')) {
    if (rest.startsWith('--from=')) continue
    for (const source of rest.split(' ').slice(0, -1)) {
      t.ok(existsSync(inRoot(source)), `${source} exists`)
      t.ok(isInContext(source, ignored), `${source} is not ignored`)
    }
  }
})

t.test('what is copied between stages was made in the first', async (t) => {
  for (const { rest } of runtime.filter(({ word }) => word === 'COPY')) {
    const source = /^--from=(\S+) (\S+)/.exec(rest)
    if (source === null) continue
    t.equal(source[1], 'build')
    t.match(source[2], /^\/build\/(dist|node_modules)$/)
  }
})

t.test('the container does not run as root', async (t) => {
  const user = runtime.findIndex(({ word }) => word === 'USER')
  t.equal(runtime[user]?.rest, 'node')
  t.notOk(runtime.slice(user).some(({ word }) => word === 'COPY' || word === 'RUN'))
})

t.test('Node is PID 1 and gets SIGTERM: the command is in exec form', async (t) => {
  t.strictSame(JSON.parse(last('ENTRYPOINT')), ['node', 'bin/gateway.mjs'])
  t.equal(JSON.parse(last('CMD'))[0], 'run')
  t.equal(last('STOPSIGNAL'), 'SIGTERM')
})

t.test('its health is asked of the admin listener, with what the image has', async (t) => {
  const check = last('HEALTHCHECK')
  const command: string[] = JSON.parse(check.slice(check.indexOf('CMD ') + 4))
  t.equal(command[0], 'node')
  t.doesNotThrow(() => new Function(command[2] ?? '('), 'its script parses')
  t.match(last('ENV'), /GATEWAY_HEALTH_URL=http:\/\/127\.0\.0\.1:9900\/healthz/)
})
