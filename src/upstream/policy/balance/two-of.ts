/** Two different ones out of `n` by one throw: their indices as `first + n * second`, without an array for them. */
export function twoOf(n: number, random: number): number {
  const pair = Math.floor(random * n * (n - 1))
  const first = pair % n
  const second = (first + 1 + Math.floor(pair / n)) % n
  return first + n * second
}
