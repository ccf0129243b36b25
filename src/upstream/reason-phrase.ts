/**
 * The reason phrase, all of it. undici decodes it as UTF-8, keeps only the last piece of one that comes in several, and
 * sets no limit to one without end. So each connection's parser gets a collector of ours in place of its own; a test
 * tells when a release of undici has no place for it any more.
 */
import type { Socket } from 'node:net'

const MAX_REASON_BYTES = 8192

interface Parser {
  statusText: string
  /** Called with each piece; anything but 0 is an error in the answer. */
  onStatus: (piece: Buffer) => number
}

/** To be called when undici has taken the connection over. */
export function collectReason(socket: Socket): void {
  const parser = parserOf(socket)
  if (parser !== undefined) parser.onStatus = collect
}

function collect(this: Parser, piece: Buffer): number {
  this.statusText += piece.toString('latin1')
  return this.statusText.length > MAX_REASON_BYTES ? -1 : 0
}

function parserOf(socket: Socket): Parser | undefined {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    if (symbol.description !== 'parser') continue
    const found = (socket as unknown as Record<symbol, Partial<Parser> | undefined>)[symbol]
    if (typeof found?.onStatus === 'function' && typeof found.statusText === 'string') return found as Parser
  }
  return undefined
}
