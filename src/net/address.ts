/** The addresses that listeners accept on, as operators write them. */
import { isIP } from 'node:net'

/** Where to listen: a TCP port, or a path in the file system. No host: every address of the machine. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** The longest path that fits into the kernel's `sun_path`, on Linux. */
const UNIX_PATH_BYTES = 107

/** Reads `host:port`, `:port`, `[::]:port` or `unix:/path`; a string says what is wrong. */
export function parseAddress(text: string): ListenAddress | string {
  if (text.startsWith('unix:')) {
    const path = text.slice(5)
    if (!path.startsWith('/')) return 'needs an absolute path: write for example unix:/run/gateway.sock'
    if (path.includes('\0') || Buffer.byteLength(path) > UNIX_PATH_BYTES) {
      return `has a path longer than ${UNIX_PATH_BYTES} bytes, the limit for unix sockets`
    }
    return { kind: 'unix', path }
  }
  const colon = text.lastIndexOf(':')
  if (colon < 0) return 'has no port: write for example 0.0.0.0:8080, :8080 or [::]:8080'
  const portText = text.slice(colon + 1)
  if (!/^\d{1,5}$/.test(portText) || Number(portText) > 65535) return 'has no valid port: use a number from 0 to 65535'
  const host = text.slice(0, colon)
  const port = Number(portText)
  if (host === '') return { kind: 'tcp', host: undefined, port }
  if (host.startsWith('[') && host.endsWith(']')) {
    const inner = host.slice(1, -1)
    return isIP(inner) === 6 ? { kind: 'tcp', host: inner, port } : 'has brackets around something that is not IPv6'
  }
  if (host.includes(':')) return 'has an IPv6 address without brackets: write for example [::1]:8080'
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host)) {
    return 'has an invalid host: write for example 0.0.0.0:8080, :8080 or [::]:8080'
  }
  if (/^[\d.]+$/.test(host) && isIP(host) !== 4) return 'has an invalid IPv4 address'
  return { kind: 'tcp', host, port }
}

/** What an operator would write for a bound TCP address. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** A socket's remote address: IPv4 in its own form, without a zone; `unix` where there is none. */
export function plainAddress(remote: string | undefined): string {
  if (remote === undefined || remote === '') return 'unix'
  if (remote.startsWith('::ffff:') && remote.includes('.')) return remote.slice(7)
  const zone = remote.indexOf('%')
  return zone < 0 ? remote : remote.slice(0, zone)
}
