/** The PURGE method, as other caches know it: who may, removes what is stored for the URL, everywhere. */
import { wholeBody } from '../../core/body.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { RequestHead } from '../../core/message.ts'
import type { Cancel, Reader } from '../../core/origin.ts'
import type { Cache } from './contract.ts'

const encoder = new TextEncoder()

export function purging(cache: Cache, x: Exchange, request: RequestHead, to: Reader): Cancel {
  if (cache.policy.mayPurge?.(x.peer.client) !== true) return answer(to, 403, { error: 'this address may not purge' })
  const { authority, path, query } = request
  const key = cache.policy.keyOfTarget(authority, path, query)
  return answer(to, 200, { matched: cache.invalidate([key], []) })
}

function answer(to: Reader, status: number, value: unknown): Cancel {
  const body = encoder.encode(`${JSON.stringify(value)}\n`)
  const headers = ['Content-Type', 'application/json', 'Cache-Control', 'no-store']
  to.head({ status, reason: '', headers: [...headers, 'Content-Length', String(body.byteLength)] }, wholeBody)
  to.write(body)
  to.end()
  return () => {}
}
