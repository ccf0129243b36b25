/**
 * What of a client's address is counted: an IPv4 address, and the first 64 bits of an IPv6 address, since whoever has one
 * has all that share them (RFC 6177 §2).
 */

/** @param address as node writes it: IPv6 in any of its forms, without a zone */
export function clientKey(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^(?:0*:)*:?(?:ffff:)(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1] as string
  const [head = '', tail] = address.split('::', 2)
  const before = head === '' ? [] : head.split(':')
  if (tail === undefined) return prefix(before)
  const after = tail === '' ? [] : tail.split(':')
  // A dotted end stands for two groups.
  const dotted = after.at(-1)?.includes('.') === true ? 1 : 0
  const zeros = Math.max(0, 8 - before.length - after.length - dotted)
  return prefix([...before, ...new Array<string>(zeros).fill('0'), ...after])
}

function prefix(groups: readonly string[]): string {
  const four = groups.slice(0, 4).map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
  return `${four.join(':')}::/64`
}
