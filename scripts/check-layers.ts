/**
 * The architecture as a check: which way imports may point, that there are no cycles, that policies are pure, where
 * time, randomness, environment and output may be touched, and how long files and functions may be.
 * The order of layers and the reasons are in docs/architecture.md. Reads Biome-formatted source, line by line.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Source {
  /** From the project's root, with `/`. */
  readonly path: string
  readonly text: string
}

export interface Violation {
  readonly path: string
  readonly line: number
  readonly reason: string
}

interface Import {
  readonly line: number
  /** A project path, or a package's or `node:` name as written. */
  readonly target: string
  readonly isOurs: boolean
}

const MAX_FILE_LINES = 400
const MAX_FUNCTION_LINES = 60

/** Low to high. An import may point to a lower rank, or inside its own area. */
const layers: readonly { rank: number; area: RegExp }[] = [
  { rank: 0, area: /^src\/core\// },
  { rank: 1, area: /^src\/config\// },
  { rank: 1, area: /^src\/(?:.*\/)?policy\// },
  { rank: 2, area: /^src\/(?:telemetry|net|redis|router|upstream|features\/[^/]+)\// },
  // The admin section's schema is a part of the configuration, like every other section's.
  { rank: 2, area: /^src\/admin\/schema\.ts$/ },
  { rank: 3, area: /^src\/(?:pipeline|plan|filters|edits|steps)\.ts$/ },
  {
    rank: 4,
    area: /^src\/(?:features|configuration|reading|reading-worker|building|slices|generation|gateway|request-ids|warm-up|index)\.ts$/,
  },
  { rank: 5, area: /^src\/admin\// },
  { rank: 5, area: /^src\/demo\// },
  { rank: 6, area: /^src\/cli\// },
]

const bannedEverywhere: readonly { pattern: RegExp; except: RegExp; reason: string }[] = [
  {
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)|\bperformance\b\s*\.|\bprocess\.(?:hrtime|uptime)\b/,
    // net/turns.ts counts turns of the event loop.
    except: /^src\/(?:core\/clock|net\/turns)\.ts$/,
    reason: 'reads the time itself: take a Clock',
  },
  {
    pattern: /(?<!\.)\b(?:setTimeout|setInterval)\b\s*\(/,
    except: /^src\/core\/clock\.ts$/,
    reason: 'sets a timer itself: take a Clock or the Wheel',
  },
  {
    pattern: /(?<!\.)\bsetImmediate\b\s*\(/,
    // To accept connections that the kernel has completed, and for what only begins in a later turn.
    except: /^src\/net\/(?:listener|turns)\.ts$/,
    reason: 'yields to the event loop: nothing on the data path may wait for that',
  },
  { pattern: /\bMath\.random\b/, except: /^src\/core\/clock\.ts$/, reason: 'rolls dice itself: take a Random' },
  {
    pattern: /\bprocess\.env\b/,
    except: /^src\/cli\//,
    reason: 'reads the environment: only cli/ does, and hands it on',
  },
  { pattern: /\bconsole\s*\./, except: /^src\/cli\/output\.ts$/, reason: 'prints: use the Log, or cli/output.ts' },
]

const impure = /\bDate\b|\bMath\.random\b|\bprocess\b|\bset(?:Timeout|Interval|Immediate)\b|\bperformance\b/

/** Every violation in these sources, in order of path and line. */
export function checkLayers(sources: readonly Source[]): Violation[] {
  const found: Violation[] = []
  const graph = new Map<string, readonly Import[]>()
  for (const { path, text } of sources) {
    const report = (line: number, reason: string) => found.push({ path, line, reason })
    const code = withoutComments(text)
    checkLengths(path, text, report)
    if (!path.startsWith('src/') || isTest(path)) continue
    const imports = importsOf(path, code)
    graph.set(path, imports)
    checkImports(path, imports, report)
    checkBanned(path, withoutStrings(code), report)
  }
  found.push(...cycles(graph))
  return found.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line))
}

type Report = (line: number, reason: string) => void

function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

function checkImports(path: string, imports: readonly Import[], report: Report): void {
  const own = layerOf(path)
  if (own === undefined) {
    report(1, 'belongs to no layer: see scripts/check-layers.ts')
    return
  }
  const isPolicy = path.includes('/policy/')
  for (const { line, target, isOurs } of imports) {
    if (!isOurs) {
      if (isPolicy) report(line, `a policy is pure: it may not import ${target}`)
      continue
    }
    const other = layerOf(target)
    if (other === undefined) report(line, `imports ${target}, which is not part of the product`)
    else if (isTest(target)) report(line, `imports the test ${target}`)
    else if (own.area === other.area) continue
    else if (isPolicy && other.rank > 0)
      report(line, `a policy is pure: it may import core and its siblings, not ${target}`)
    else if (own.rank === 3 && other.rank !== 0) report(line, `the pipeline imports core only, not ${target}`)
    else if (other.rank >= own.rank) report(line, `${own.area} may not import ${target}: imports point down`)
  }
}

/** The layer of a file; its area is the part of the path within which files may import one another. */
function layerOf(path: string): { rank: number; area: string } | undefined {
  for (const { rank, area } of layers) {
    const match = area.exec(path)
    // A policy folder is an area of its own, but its rank is that of no feature.
    if (match !== null && !(rank > 1 && path.includes('/policy/'))) {
      return { rank, area: rank === 3 || rank === 4 ? `layer ${rank}` : match[0] }
    }
  }
  return undefined
}

function checkBanned(path: string, code: string, report: Report): void {
  const lines = code.split('\n')
  for (const [i, line] of lines.entries()) {
    for (const { pattern, except, reason } of bannedEverywhere) {
      if (pattern.test(line) && !except.test(path)) report(i + 1, reason)
    }
    if (path.includes('/policy/')) {
      const match = impure.exec(line)
      if (match !== null) report(i + 1, `a policy is pure: no ${match[0]}`)
    }
  }
}

function checkLengths(path: string, text: string, report: Report): void {
  const lines = text.trimEnd().split('\n')
  if (lines.length > MAX_FILE_LINES) report(lines.length, `has ${lines.length} lines, ${MAX_FILE_LINES} allowed`)
  if (isTest(path)) return
  for (const [i, line] of lines.entries()) {
    const indent = /^ */.exec(line)?.[0] ?? ''
    if (!startsFunction(lines, i, indent)) continue
    // Formatted code closes a body at the indentation at which it began; `}: {` or `}) {` only ends its parameters.
    const close = lines.findIndex((other, j) => j > i && other.startsWith(`${indent}}`) && !other.endsWith('{'))
    const length = close - i + 1
    if (length > MAX_FUNCTION_LINES) report(i + 1, `a function of ${length} lines, ${MAX_FUNCTION_LINES} allowed`)
  }
}

const statement = /^ *(?:if|for|while|switch|catch|return|throw|await|new|do|else|try|super)\b/
const method = /^ +(?:static |async |override |get |set |\*)*[#\w$]+(?:<.*>)?\((?:.*\{)?$/

/** Whether a body begins here, or after the parameters that begin here. */
function startsFunction(lines: readonly string[], i: number, indent: string): boolean {
  const line = lines[i] as string
  if (statement.test(line) || !(/\bfunction\b.*[{(]$/.test(line) || line.endsWith('=> {') || method.test(line)))
    return false
  if (line.endsWith('{')) return true
  const afterParameters = lines.find((other, j) => j > i && other.startsWith(`${indent})`))
  return afterParameters?.endsWith('{') === true
}

/** Import and export-from statements, and import(). */
function importsOf(path: string, code: string): Import[] {
  const found: Import[] = []
  const pattern = /\bfrom\s+['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g
  for (const match of code.matchAll(pattern)) {
    const name = (match[1] ?? match[2]) as string
    const isOurs = name.startsWith('.')
    const target = isOurs ? join(dirname(path), name).replaceAll('\\', '/') : name
    found.push({ line: code.slice(0, match.index).split('\n').length, target, isOurs })
  }
  return found
}

/** One violation per cycle, at the import that closes it. */
function cycles(graph: ReadonlyMap<string, readonly Import[]>): Violation[] {
  const found: Violation[] = []
  const done = new Set<string>()
  const trail: string[] = []
  const visit = (path: string): void => {
    trail.push(path)
    for (const { target, line } of graph.get(path) ?? []) {
      const at = trail.indexOf(target)
      if (at >= 0) found.push({ path, line, reason: `a cycle: ${[...trail.slice(at), target].join(' → ')}` })
      else if (!done.has(target) && graph.has(target)) visit(target)
    }
    trail.pop()
    done.add(path)
  }
  for (const path of graph.keys()) if (!done.has(path)) visit(path)
  return found
}

const commentOrLiteral = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g

/** The same text with comments blanked, line for line. */
function withoutComments(text: string): string {
  return text.replace(commentOrLiteral, (found) => (found.startsWith('/') ? blank(found) : found))
}

function withoutStrings(text: string): string {
  return text.replace(commentOrLiteral, blank)
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}

function read(root: string): Source[] {
  const sources: Source[] = []
  for (const folder of ['src', 'test', 'scripts', 'bench']) {
    for (const entry of list(join(root, folder))) {
      sources.push({ path: relative(root, entry).replaceAll('\\', '/'), text: readFileSync(entry, 'utf8') })
    }
  }
  return sources
}

function list(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path))
    .sort()
}

if (import.meta.main) {
  const sources = read(join(dirname(fileURLToPath(import.meta.url)), '..'))
  const found = checkLayers(sources)
  for (const { path, line, reason } of found) console.log(`${path}:${line}  ${reason}`)
  if (found.length > 0) process.exitCode = 1
  else console.log(`layers: ${sources.length} files, no violation`)
}
