/** `gateway demo`: the example configuration, in front of small backends that are started along with it. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { systemClock, systemRandom } from '../core/clock.ts'
import { Backends } from '../demo/backends.ts'
import { type Moves, moved } from '../demo/moves.ts'
import type { Context } from './context.ts'
import { Failure, systemFailure } from './failure.ts'
import { loadForUse } from './loading.ts'
import type { Output } from './output.ts'
import { serve } from './run.ts'

export interface DemoOptions {
  readonly port?: number
}

/** Where the example file expects the first backend; the others follow. */
const FIRST_BACKEND_PORT = 9911
const GRACE_MS = 5_000

export async function demo(options: DemoOptions, context: Context): Promise<number> {
  const file = fileURLToPath(new URL('../../gateway.example.yaml', import.meta.url))
  if (!existsSync(file)) throw new Failure(`${file} is missing: the package is not complete`)
  const loaded = await loadForUse(file, context)
  const backends = await startBackends(options.port)
  const moves = movesTo(options.port, backends)
  try {
    const { environment, version } = context
    const service = { file, environment, version, loaded, clock: systemClock }
    return await serve({ ...service, adapt: (config) => moved(config, moves) }, GRACE_MS, (started) => {
      introduce(context.output, started.addresses[0] ?? '', started.adminAddress, backends)
    })
  } finally {
    await backends.close()
  }
}

async function startBackends(port: number | undefined): Promise<Backends> {
  const portOf = (index: number) => {
    if (port === undefined) return FIRST_BACKEND_PORT + index
    return port === 0 ? 0 : port + 2 + index
  }
  try {
    return await Backends.start(portOf, systemClock, systemRandom)
  } catch (error) {
    const taken = (error as { port?: number }).port
    const { message } = systemFailure(error, `port ${taken ?? '?'} of 127.0.0.1`)
    throw new Failure(`${message}; \`gateway demo --port 18080\` uses others, and --port 0 any free ones`)
  }
}

/** From the addresses in the example file to those of this run. */
function movesTo(port: number | undefined, backends: Backends): Moves {
  const endpoints = new Map(
    backends.list.map(({ url }, index) => [`http://127.0.0.1:${FIRST_BACKEND_PORT + index}`, url] as const),
  )
  if (port === undefined) return { endpoints }
  return { endpoints, listener: `127.0.0.1:${port}`, admin: `127.0.0.1:${port === 0 ? 0 : port + 1}` }
}

function introduce(output: Output, address: string, admin: string | undefined, backends: Backends): void {
  const title = (text: string) => output.line(output.paint('bold', text))
  const row = (left: string, right: string) => output.line(`  ${output.paint('cyan', left.padEnd(44))}  ${right}`)
  const base = `http://${address}`
  output.line()
  title('latency gateway, on gateway.example.yaml')
  row(base, 'proxy')
  if (admin !== undefined) {
    row(`http://${admin}/`, 'admin')
    row(`http://${admin}/metrics`, 'metrics, a latency histogram per route')
  }
  output.line()
  title('Behind it')
  for (const { name, url, about } of backends.list) row(url, `${name}: ${about}`)
  output.line()
  title('Try')
  for (const [command, about] of examples(base, admin)) {
    output.line(`  ${output.paint('cyan', command)}`)
    output.line(`      ${output.paint('dim', about)}`)
  }
  output.line()
  output.line('Below: one line of JSON per request. Ctrl-C ends the demo.')
  output.line()
}

function examples(base: string, admin: string | undefined): (readonly [command: string, about: string])[] {
  const list: (readonly [string, string])[] = [
    [`curl -i ${base}/shop/cart`, 'two endpoints, 3 to 1; the prefix is stripped'],
    [`curl -i ${base}/impatient/report`, 'a slow backend with a deadline of 350 ms: sometimes 504'],
    [
      `curl -s -o /dev/null -w '%{http_code}\\n' ${base}/flaky/price`,
      'one answer in five is 503: the metrics count them apart',
    ],
    [`curl -s -H 'X-Beta: 1' ${base}/app/`, 'routed by a header'],
    [`curl -N -m 5 ${base}/events`, 'server-sent events, as they come'],
    [`curl -s -o /dev/null -w '%{size_download} bytes\\n' ${base}/files/big`, 'a download of 64 MiB, streamed'],
    [`curl -i ${base}/nowhere`, 'no route: problem+json'],
  ]
  if (admin !== undefined) {
    list.push([`curl -s http://${admin}/metrics | grep request_duration`, 'how long each route takes'])
    list.push([`curl -s http://${admin}/api/v1/upstreams`, 'endpoints as they are now'])
  }
  return list
}
