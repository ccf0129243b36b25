/** Hashes of texts for choosing, not for keeping secrets: 32 bits, well mixed. */

/** FNV-1a over the UTF-16 units, then Murmur3's finaliser, since FNV leaves the high bits of short texts alike. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix32(hash)
}

/** Murmur3's finaliser: every bit of the input moves half of the output's. */
export function mix32(value: number): number {
  let mixed = value
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
