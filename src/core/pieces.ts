/** Bodies in pieces. */

export function bytesOf(pieces: readonly Uint8Array[]): number {
  let bytes = 0
  for (const piece of pieces) bytes += piece.byteLength
  return bytes
}

/** All of them in one. The same bytes where there is but one, unless they are a window into a larger buffer. */
export function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const only = pieces[0]
  if (pieces.length === 1 && only !== undefined && only.byteLength === only.buffer.byteLength) return only
  const all = new Uint8Array(bytes)
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.byteLength
  }
  return all
}
