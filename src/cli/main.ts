/** The command line: what can be asked for, with examples, and how it ends. Each command is a file beside this one. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../config/units.ts'
import { check } from './check.ts'
import type { Context } from './context.ts'
import { demo } from './demo.ts'
import { explain } from './explain.ts'
import { EXIT_FAILURE, EXIT_USAGE, Failure } from './failure.ts'
import { terminalOutput } from './output.ts'
import { purge } from './purge.ts'
import { routes } from './routes.ts'
import { run } from './run.ts'
import { schema } from './schema.ts'

const DEFAULT_FILE = 'gateway.yaml'

/** Runs one command. Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const environment = process.env
  const context: Context = { output: terminalOutput(environment), environment, version: version() }
  let exitCode = 0
  const program = createProgram(context, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    return report(error, context)
  }
}

/** One line; the stack only for who asks for it. */
function report(error: unknown, { output, environment }: Context): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
  const message = error instanceof Error ? error.message : String(error)
  output.error(`${output.paintError('red', 'gateway:')} ${message}`)
  if (environment.GATEWAY_DEBUG && error instanceof Error && error.stack !== undefined) output.error(error.stack)
  return error instanceof Failure ? error.exitCode : EXIT_FAILURE
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

const fileOption = () => new Option('-c, --config <file>', 'configuration file').default(DEFAULT_FILE)
const jsonOption = () => new Option('--json', 'print JSON, for scripts')
const graceOption = () =>
  new Option('--grace <duration>', 'how long requests in flight may take when stopping')
    .argParser(parseGrace)
    .default(30_000, '30s')
const headerOption = () =>
  new Option('-H, --header <field>', "'Name: value'; may be given again").argParser(collect).default([], 'none')
const listOption = (flags: string, about: string) =>
  new Option(flags, about).argParser((text: string, earlier: string[]) => [...earlier, text]).default([], 'none')
const portOption = () =>
  new Option(
    '--port <port>',
    'port of the proxy; admin and backends take the ports after it; 0: any free ones',
  ).argParser(parsePort)

function createProgram(context: Context, exit: (code: number) => void): Command {
  const program = new Command('gateway')
    .description('A reverse proxy that cuts and bounds the latency users of a backend see.')
    .version(`latency gateway ${context.version} (Node ${process.versions.node})`, '-V, --version')
    .helpCommand('help [command]', 'print help for a command')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'gateway: ')) })
    .addHelpText('after', afterHelp)
    .showHelpAfterError('`gateway --help` lists what there is.')
    .exitOverride()
  for (const command of [...running(context), ...inspecting(context, exit)]) {
    program.addCommand(command.copyInheritedSettings(program))
  }
  return program
}

/** These exit by themselves when done: nothing that lingers, such as a backend's connection, may hold that up. */
function running(context: Context): Command[] {
  return [
    command('run', 'Run the gateway.', [
      'gateway run',
      'gateway run -c /etc/gateway/gateway.yaml --grace 1m',
      'kill -HUP <pid>   # reads the file again',
    ])
      .addOption(fileOption())
      .addOption(graceOption())
      .action(async (options) => process.exit(await run(options, context))),
    command('demo', 'Run the example configuration in front of small backends that are started along with it.', [
      'gateway demo',
      'gateway demo --port 18080',
    ])
      .addOption(portOption())
      .action(async (options) => process.exit(await demo(options, context))),
  ]
}

function inspecting(context: Context, exit: (code: number) => void): Command[] {
  return [
    command('check', 'Say everything that is wrong with a configuration, with line and column.', [
      'gateway check',
      'gateway check -c new.yaml && mv new.yaml gateway.yaml',
      "gateway check --json | jq '.problems[].line'",
    ])
      .addOption(fileOption())
      .addOption(jsonOption())
      .action(async (options) => exit(await check(options, context))),
    command('routes', 'List the routes in the order in which they match.', [
      'gateway routes',
      "gateway routes --json | jq -r '.routes[].name'",
    ])
      .addOption(fileOption())
      .addOption(jsonOption())
      .action(async (options) => exit(await routes(options, context))),
    command('explain', 'Say what would happen to a request, without sending it.', [
      'gateway explain GET http://shop.example.com/cart',
      "gateway explain POST /api/orders -H 'X-Beta: 1' --json",
    ])
      .argument('<method>', 'GET, POST, …')
      .argument('<url>', 'http://host/path?query, or /path')
      .addOption(headerOption())
      .addOption(fileOption())
      .addOption(jsonOption())
      .action(async (method: string, url: string, options) => exit(await explain(method, url, options, context))),
    command('purge', 'Remove stored answers of a running gateway, and of all that share its Redis.', [
      'gateway purge http://shop.example.com/catalog/7',
      'gateway purge --prefix /catalog/ --soft      # on every host; stale while fetched anew',
      'gateway purge --tag product-7 --dry-run',
    ])
      .argument('[urls...]', 'http://host/path?query, or /path for every host')
      .addOption(new Option('--prefix', 'the URLs are beginnings of URLs'))
      .addOption(listOption('--tag <tag>', 'what carries this tag; may be given again'))
      .addOption(listOption('--group <group>', 'what is in this cache group (RFC 9875); may be given again'))
      .addOption(new Option('--all', 'everything'))
      .addOption(new Option('--soft', 'mark stale in place of removing'))
      .addOption(new Option('--dry-run', 'only count'))
      .addOption(new Option('--admin <address>', 'admin listener, in place of the one in the configuration file'))
      .addOption(fileOption())
      .addOption(jsonOption())
      .action(async (urls: string[], options) => exit(await purge(urls, options, context))),
    command('schema', 'Print the JSON Schema of the configuration file, for editors.', [
      'gateway schema > gateway.schema.json',
    ])
      .addOption(new Option('--json', 'the same: it is JSON anyway'))
      .action(() => exit(schema(context))),
  ]
}

function command(name: string, description: string, examples: readonly string[]): Command {
  const text = examples.map((example) => `  $ ${example}`).join('\n')
  return new Command(name).description(description).addHelpText('after', `\nExamples:\n${text}`)
}

const afterHelp = `
Examples:
  $ gateway demo                                 see it work, with backends of its own
  $ gateway run -c gateway.yaml                  run it
  $ gateway check                                is gateway.yaml right?
  $ gateway explain GET http://localhost/cart    which route, and what is sent where

Signals to a running gateway:
  SIGHUP           read the configuration again      SIGUSR2   reopen log files
  SIGTERM, SIGINT  finish requests in flight, exit   again     exit at once

Exit codes:
  0  done    1  failed: the configuration is wrong, an address is taken    2  wrong usage
  130, 143  ended by a second SIGINT or SIGTERM`

function parseGrace(text: string): number {
  const graceMs = parseDuration(text)
  if (graceMs === undefined) throw new InvalidArgumentError('write for example 30s, 500ms or 1m')
  return graceMs
}

/** Nine ports follow it. */
function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_500) throw new InvalidArgumentError('use a number from 0 to 65500')
  return port
}

function collect(field: string, earlier: readonly string[]): string[] {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:/.test(field)) throw new InvalidArgumentError("write 'Name: value'")
  return [...earlier, field]
}
