/** Which addresses and names always mean this machine. */
import { isIPv4 } from 'node:net'
import type { ListenAddress } from '../net/address.ts'

/** Whether only processes of this machine can connect. */
export function isLoopback(address: ListenAddress): boolean {
  return address.kind === 'unix' || (address.host !== undefined && isLoopbackName(address.host))
}

/** RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3. */
export function isLoopbackName(host: string): boolean {
  const name = host.toLowerCase()
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  if (isIPv4(name)) return name.startsWith('127.')
  return name === '::1' || name === '[::1]'
}
