/** Addresses of the admin listener, and which of them only this machine can reach. Pure, so that the schema can use it. */

export type AdminAddress =
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** What fits into the kernel's `sun_path`, on Linux. */
const UNIX_PATH_BYTES = 107

/** Reads `host:port`, `:port`, `[v6]:port` or `unix:/path`; undefined where the text is none of them. */
export function parseAddress(text: string): AdminAddress | undefined {
  if (text.startsWith('unix:/')) {
    const path = text.slice('unix:'.length)
    return new TextEncoder().encode(path).byteLength > UNIX_PATH_BYTES ? undefined : { kind: 'unix', path }
  }
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]*)):(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const port = Number(match[3])
  if (port > 65_535) return undefined
  const host = match[1] ?? match[2]
  return { kind: 'tcp', host: host === '' ? undefined : host, port }
}

/** Whether only processes of this machine can connect. */
export function isLoopback(address: AdminAddress): boolean {
  return address.kind === 'unix' || (address.host !== undefined && isLoopbackName(address.host))
}

/** Names and addresses that always mean this machine (RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopbackName(host: string): boolean {
  const name = host.toLowerCase()
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  if (/^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name)) return true
  return name === '::1' || name === '[::1]'
}
