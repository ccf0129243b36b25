/** Reads and checks a configuration file on a thread of its own, for `readApart`: everything that it posts is plain data. */
import { serialize } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import { changedPaths } from './config/diff.ts'
import { load } from './configuration.ts'
import { type Piece, piecesOf, type ReadingOrder, type Report, writtenIn } from './reading.ts'

const port = parentPort
if (port !== null) {
  const { file, environment, before } = workerData as ReadingOrder
  const { config, problems, files, fingerprint, raw } = await load(file, environment)
  const report: Report = {
    problems,
    files,
    fingerprint,
    isRight: config !== undefined,
    changed: config === undefined ? [] : changedPaths(writtenIn(before), raw),
    written: config === undefined ? undefined : serialize(raw),
  }
  const pieces = config === undefined ? [] : piecesOf(config)
  port.postMessage(report)
  // One piece for each that is asked for: the other side turns in between.
  port.on('message', () => {
    const piece: Piece | undefined = pieces.shift()
    port.postMessage(piece)
    if (piece === undefined) port.close()
  })
}
