/** Networks as operators write them: whose proxies are trusted, who may purge, whom a limit does not count. */
import { BlockList, isIP } from 'node:net'

/** Whether `text` is an IP address, a network such as 10.0.0.0/8, or `unix` (peers on a unix socket). */
export function isNetwork(text: string): boolean {
  if (text === 'unix') return true
  const slash = text.indexOf('/')
  const family = isIP(slash < 0 ? text : text.slice(0, slash))
  if (family === 0 || text.includes('%')) return false
  if (slash < 0) return true
  const prefix = text.slice(slash + 1)
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)
}

/** Whether an address lies in one of some networks. */
export class Networks {
  readonly #list = new BlockList()
  readonly #hasUnix: boolean
  readonly #isEmpty: boolean

  constructor(networks: readonly string[]) {
    this.#isEmpty = networks.length === 0
    this.#hasUnix = networks.includes('unix')
    for (const network of networks) {
      if (network === 'unix') continue
      const slash = network.indexOf('/')
      const address = slash < 0 ? network : network.slice(0, slash)
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
      if (slash < 0) this.#list.addAddress(address, family)
      else this.#list.addSubnet(address, Number(network.slice(slash + 1)), family)
    }
  }

  /** @param address an IP address, or `unix` */
  has(address: string): boolean {
    if (this.#isEmpty) return false
    if (address === 'unix') return this.#hasUnix
    const family = isIP(address)
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}
