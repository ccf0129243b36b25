/**
 * Answers that a backend should not give, and odd ones that are right, as a table: framing, status lines, fields, chunks
 * and broken ends (RFC 9112 §2, §4, §6, §7, §8; RFC 9110 §5, §6.4.1, §15). A `bad` one must reach the client as a 502 or
 * as a visible truncation, and its connection must not be used again; an `ok` one must be read in just one way.
 */
import type { AnswerCase } from './answer-case.ts'
import { chunks, codings, contents, interims, lengths } from './answer-contents.ts'
import { fields, statusLines } from './answer-heads.ts'

export type { AnswerCase } from './answer-case.ts'

export const answerCases: readonly AnswerCase[] = [
  ...statusLines,
  ...lengths,
  ...codings,
  ...fields,
  ...chunks,
  ...contents,
  ...interims,
]
