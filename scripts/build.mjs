/**
 * Compiles src/ to dist/: JavaScript, declarations, and whatever else lies beside the code (the dashboard's files).
 * Plain JavaScript, so that the image build and `npm pack` can run it with any Node.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [source, target] = [join(root, 'src'), join(root, 'dist')]

rmSync(target, { recursive: true, force: true })
compile()
dropDeclarations()
copyStaticFiles()

function compile() {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const project = join(root, 'tsconfig.build.json')
  const tsc = spawnSync(process.execPath, [compiler, '--project', project], { cwd: root, stdio: 'inherit' })
  if (tsc.status !== 0) process.exit(tsc.status ?? 1)
}

/** What the package does not export needs no declarations, unless those of what it exports refer to them. */
function dropDeclarations() {
  const needed = new Set()
  const follow = (path) => {
    if (needed.has(path)) return
    needed.add(path)
    for (const [, to] of readFileSync(path, 'utf8').matchAll(/(?:from |import\()["'](\.[^"']+)\.[jt]s["']/g))
      follow(`${join(dirname(path), to)}.d.ts`)
  }
  follow(join(target, 'index.d.ts'))
  for (const name of readdirSync(target, { recursive: true })) {
    const path = join(target, name)
    if (path.endsWith('.d.ts') && !needed.has(path)) rmSync(path)
  }
}

function copyStaticFiles() {
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.ts')) continue
    const from = join(entry.parentPath, entry.name)
    const to = join(target, from.slice(source.length))
    mkdirSync(dirname(to), { recursive: true })
    copyFileSync(from, to)
  }
}
