/** What makes a request a WebSocket handshake that may be tunnelled (RFC 6455 §4.2.1), and what is wrong with others. */
import type { HeaderList } from '../../core/headers.ts'

/** Whether `Upgrade` asks for a WebSocket and nothing else. Other protocols are never switched to: h2c smuggling. */
export function asksForWebSocket(headers: HeaderList): boolean {
  let isAsking = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== 7 || name.toLowerCase() !== 'upgrade') continue
    if (isAsking || (headers[i + 1] as string).toLowerCase() !== 'websocket') return false
    isAsking = true
  }
  return isAsking
}

/** What is wrong with a handshake, or undefined. `Upgrade` and `Connection` are known to be there. */
export function handshakeFault(method: string, hasBody: boolean, headers: HeaderList): string | undefined {
  if (method !== 'GET') return 'the method of a WebSocket handshake is GET'
  if (hasBody) return 'a WebSocket handshake has no content'
  let key: string | undefined
  let version: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase()
    const value = headers[i + 1] as string
    if (name === 'sec-websocket-key') {
      if (key !== undefined) return 'Sec-WebSocket-Key is repeated'
      key = value
    } else if (name === 'sec-websocket-version') {
      if (version !== undefined) return 'Sec-WebSocket-Version is repeated'
      version = value
    }
  }
  // 16 bytes in base64: 22 digits, of which the last holds 2 bits, and two pads.
  if (key === undefined || !/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key))
    return 'Sec-WebSocket-Key is not 16 bytes in base64'
  if (version !== '13') return 'Sec-WebSocket-Version is not 13'
  return undefined
}
