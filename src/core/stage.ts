/**
 * One feature on one route, made at load. A stage vets or edits, in five phases; each method is optional, and one that
 * is absent costs nothing. All but `admit` are synchronous; `admit` returns a promise only when it really must wait.
 */
import type { BodyFilter } from './body.ts'
import type { Exchange } from './exchange.ts'
import type { RequestHead, ResponseHead } from './message.ts'
import type { Reply } from './reply.ts'

export interface Stage {
  readonly name: string
  /** Vets, counts, waits, or answers at once. A thrown GatewayError becomes its problem reply. */
  admit?(x: Exchange): Reply | undefined | Promise<Reply | undefined>
  /** Edits what goes upstream. `req.headers` is this fetch's own copy; return the head to send (the same or another). */
  send?(x: Exchange, req: RequestHead): RequestHead
  /** Edits what came back, in place, before a cache would keep it. */
  store?(x: Exchange, res: ResponseHead): void
  /** Edits every answer, in place, wherever it came from. May return a filter for its body. */
  deliver?(x: Exchange, res: ResponseHead): BodyFilter | undefined
  /** Runs exactly once per exchange, in reverse order, when the answer has ended, failed or was given up. */
  finish?(x: Exchange): void
}

/** The phases, in the order in which a request meets them. */
export const phases = ['admit', 'send', 'store', 'deliver', 'finish'] as const
export type Phase = (typeof phases)[number]
