/**
 * Compiles src/ to dist/: JavaScript, declarations, and whatever else lies beside the code (the dashboard's files).
 * Plain JavaScript, so that the image build and `npm pack` can run it with any Node.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [source, target] = [join(root, 'src'), join(root, 'dist')]

rmSync(target, { recursive: true, force: true })
compile()
copyStaticFiles()

function compile() {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const project = join(root, 'tsconfig.build.json')
  const tsc = spawnSync(process.execPath, [compiler, '--project', project], { cwd: root, stdio: 'inherit' })
  if (tsc.status !== 0) process.exit(tsc.status ?? 1)
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
