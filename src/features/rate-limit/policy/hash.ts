/** Two 32-bit hashes of a text, with a seed that nobody outside knows: so that keys cannot be chosen to collide. */

export interface HashPair {
  first: number
  second: number
}

/** @param into where they go: nothing is allocated */
export function hashPair(text: string, seed: number, into: HashPair): void {
  let first = 0xdeadbeef ^ seed
  let second = 0x41c6ce57 ^ Math.imul(seed, 0x9e3779b1)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    first = Math.imul(first ^ unit, 2654435761)
    second = Math.imul(second ^ unit, 1597334677)
  }
  first = Math.imul(first ^ (first >>> 16), 2246822507) ^ Math.imul(second ^ (second >>> 13), 3266489909)
  second = Math.imul(second ^ (second >>> 16), 2246822507) ^ Math.imul(first ^ (first >>> 13), 3266489909)
  into.first = first >>> 0
  into.second = second >>> 0
}
