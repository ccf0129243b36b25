/**
 * Programs as their users run them: the test runner puts its hooks into NODE_OPTIONS of every process that a test starts,
 * where they cost memory and break programs that load modules in ways of their own. `env` takes them out again, and then
 * becomes the program: its process id is the program's.
 */
export function unhooked(program: string, args: readonly string[]): [command: string, args: string[]] {
  return ['env', ['-u', 'NODE_OPTIONS', program, ...args]]
}
