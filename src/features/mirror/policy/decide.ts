/** Whether a request is mirrored: chosen by chance, and of a method that may be repeated without harm, unless told otherwise. */

export interface MirrorRules {
  /** 0 to 1. */
  readonly share: number
  /** Whether requests that change something are mirrored too. */
  readonly isUnsafeWanted: boolean
}

/** @param dice in [0, 1) */
export function isMirrored(rules: MirrorRules, method: string, dice: number): boolean {
  return (rules.isUnsafeWanted || isSafe(method)) && dice < rules.share
}

/** RFC 9110 §9.2.1, RFC 10008 §2. */
function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE' || method === 'QUERY'
}
