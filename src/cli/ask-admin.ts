/** A question to the admin listener of a running gateway: found by the configuration that it runs with, or by an address. */
import { request } from 'node:http'
import { parseAddress } from '../admin/policy/address.ts'
import type { Context } from './context.ts'
import { EXIT_USAGE, Failure } from './failure.ts'
import { loadForUse } from './loading.ts'

/** The gateway answers at once; what takes longer hangs. */
const TIMEOUT_MS = 30_000

export interface AdminPlace {
  readonly address: string
  readonly token: string
}

export interface AdminAnswer {
  readonly status: number
  readonly body: unknown
}

/**
 * @param given in place of the file's: `host:port`, `http://host:port` or `unix:/path`
 * @throws Failure when the file has errors or no admin listener
 */
export async function adminPlace(file: string, given: string | undefined, context: Context): Promise<AdminPlace> {
  const token = context.environment.GATEWAY_ADMIN_TOKEN ?? ''
  if (given !== undefined) {
    const address = given.replace(/^http:\/\//, '').replace(/\/$/, '')
    if (parseAddress(address) !== undefined) return { address, token }
    throw new Failure(
      `--admin: ${given} is no address: write 127.0.0.1:9900, http://host:9900 or unix:/path`,
      EXIT_USAGE,
    )
  }
  const { admin } = (await loadForUse(file, context)).config
  if (admin === false) throw new Failure(`${file}: \`admin\` is false, so nothing can be asked of that gateway`)
  return { address: admin.address, token: admin.token === '' ? token : admin.token }
}

/** @throws Failure when nobody answers there */
export function askAdmin({ address, token }: AdminPlace, method: string, path: string): Promise<AdminAnswer> {
  const parsed = parseAddress(address)
  const place =
    parsed?.kind === 'unix' ? { socketPath: parsed.path } : { host: reachable(parsed?.host), port: parsed?.port ?? 0 }
  const { promise, resolve, reject } = Promise.withResolvers<AdminAnswer>()
  const failed = (why: string) => reject(new Failure(`no gateway answers at ${address}: ${why}`))
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` }
  const req = request({ ...place, method, path, headers, agent: false, timeout: TIMEOUT_MS }, (res) => {
    let text = ''
    res.setEncoding('utf8')
    res.on('data', (part: string) => {
      text += part
    })
    res.on('end', () => resolve({ status: res.statusCode ?? 0, body: jsonOf(text) }))
    res.on('error', (error) => failed(error.message))
  })
  req.on('timeout', () => req.destroy(new Error('it took too long')))
  req.on('error', (error) => failed(error.message))
  req.end()
  return promise
}

/** An address that stands for all of this machine's is reached through one of them. */
function reachable(host: string | undefined): string {
  return host === undefined || host === '0.0.0.0' || host === '::' ? 'localhost' : host
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
