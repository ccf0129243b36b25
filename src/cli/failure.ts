/** How commands end when they cannot do what was asked: one line, and an exit code that scripts can tell apart. */

/** The configuration has errors, an address is taken, a file cannot be read. */
export const EXIT_FAILURE = 1
/** The command line itself is wrong. */
export const EXIT_USAGE = 2
/** A second signal cut the draining short; 128 and the signal's number, as shells say it. */
export const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const

/** What the operator can act on: its message is printed as it is, without a stack. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exitCode: number

  constructor(message: string, exitCode: number = EXIT_FAILURE) {
    super(message)
    this.exitCode = exitCode
  }
}

/** One line for what the system refused: an address that is taken, a file that is not there. */
export function systemFailure(error: unknown, what: string): Failure {
  const { code, message } = error as NodeJS.ErrnoException
  const reasons: Record<string, string> = {
    EADDRINUSE: 'is already in use by another process',
    EADDRNOTAVAIL: 'is not an address of this machine',
    EACCES: 'is not permitted for this user',
    ENOENT: 'is not there',
    EISDIR: 'is a directory',
  }
  const reason = code === undefined ? undefined : reasons[code]
  return new Failure(reason === undefined ? `${what}: ${message}` : `${what} ${reason}`)
}
