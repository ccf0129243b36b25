import t from 'tap'
import { asksForWebSocket, handshakeFault } from './websocket.ts'

const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const good = ['Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Key', key, 'Sec-WebSocket-Version', '13']

t.test('an upgrade is considered for WebSocket and nothing else', async (t) => {
  t.equal(asksForWebSocket(['Upgrade', 'websocket']), true)
  t.equal(asksForWebSocket(['UPGRADE', 'WebSocket']), true)
  for (const value of ['h2c', 'websocket, h2c', 'h2c, websocket', 'websocket/13', 'TLS/1.0', '']) {
    t.equal(asksForWebSocket(['Upgrade', value]), false, value)
  }
  t.equal(asksForWebSocket(['Upgrade', 'websocket', 'Upgrade', 'h2c']), false)
  t.equal(asksForWebSocket(['Host', 'a']), false)
})

t.test('a handshake is a GET without content, with a key of 16 bytes and version 13 (RFC 6455 §4.2.1)', async (t) => {
  t.equal(handshakeFault('GET', false, good), undefined)
  t.match(handshakeFault('POST', false, good), /GET/)
  t.match(handshakeFault('GET', true, good), /content/)
  t.match(handshakeFault('GET', false, good.slice(0, 4)), /Key/)
  t.match(handshakeFault('GET', false, good.slice(0, 6)), /Version/)
  t.match(handshakeFault('GET', false, [...good, 'sec-websocket-key', key]), /repeated/)
  t.match(handshakeFault('GET', false, [...good, 'sec-websocket-version', '13']), /repeated/)
  for (const bad of ['', 'short', `${key}=`, key.slice(1), 'dGhlIHNhbXBsZSBub25jZR==', 'dGhlIHNhbXBsZSBub25jZQ= ']) {
    const headers = [...good.slice(0, 4), 'Sec-WebSocket-Key', bad, 'Sec-WebSocket-Version', '13']
    t.match(handshakeFault('GET', false, headers), /Key/, bad)
  }
  for (const bad of ['', '8', '013', '13, 8', '12']) {
    t.match(handshakeFault('GET', false, [...good.slice(0, 7), bad]), /Version/, bad)
  }
})
