/**
 * The two editions of the public HTTP cache tests: the npm release, which `npm test` runs, and a checkout of their
 * repository, which is newer and which nobody has published.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export interface Edition {
  /** Path of its origin server. */
  readonly server: string
  /** URL of its runner. */
  readonly engine: string
  /** URLs of its test files: each has one suite or a list of them. */
  readonly tests: readonly string[]
  /** The package that it wants to be given as the client to ask with; undefined where it takes Node's own. */
  readonly client?: string
}

const packaged = (path: string) => import.meta.resolve(`http-cache-tests/${path}`)

/** The npm release, with the one file of tests that its index leaves to caches such as this. */
export const release: Edition = {
  server: fileURLToPath(packaged('server/server.mjs')),
  engine: packaged('client/runner.mjs'),
  tests: [packaged('tests/index.mjs'), packaged('tests/surrogate-control.mjs')],
  client: 'node-fetch',
}

/**
 * A checkout of the repository.
 * @throws Error when the folder holds none, or its packages are missing
 */
export function checkoutAt(folder: string): Edition {
  const part = (path: string) => join(folder, path)
  const server = part('test-engine/server/server.mjs')
  if (!existsSync(server)) {
    throw new Error(`${folder} is no checkout of http-tests/cache-tests: it has no test-engine/server/server.mjs`)
  }
  if (!existsSync(part('node_modules/undici'))) {
    throw new Error(`${folder} lacks its packages: run \`npm install --ignore-scripts\` there`)
  }
  const url = (path: string) => pathToFileURL(part(path)).href
  return { server, engine: url('test-engine/client/runner.mjs'), tests: [url('tests/index.mjs')] }
}
