/** What a request's method allows (RFC 9110 §9.2; QUERY: RFC 10008 §2). */

export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'QUERY' || method === 'TRACE'
}

/** Sending it twice is as sending it once. */
export function isIdempotent(method: string): boolean {
  return isSafe(method) || method === 'PUT' || method === 'DELETE'
}
