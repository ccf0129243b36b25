/** Who is at the other end of a connection, worked out as rarely as can be. */
import type { HeaderList } from '../core/headers.ts'
import { Networks } from '../core/networks.ts'
import type { Connection } from './connection.ts'
import { directIdentity, type Identity, proxiedIdentity } from './policy/forwarded.ts'

export class Identities {
  readonly #trusted: Networks
  readonly #isTrusted: (address: string) => boolean

  constructor(trustedProxies: readonly string[]) {
    this.#trusted = new Networks(trustedProxies)
    this.#isTrusted = (address) => this.#trusted.has(address)
  }

  /** Once per connection and Host for clients; for each request from a trusted proxy. */
  of(connection: Connection, authority: string, headers: HeaderList): Identity {
    if (connection.trustedBy !== this) {
      connection.trustedBy = this
      connection.trusted = this.#trusted.has(connection.address)
      connection.identity = undefined
    }
    const { address } = connection
    if (connection.trusted) return proxiedIdentity(address, 'http', authority, headers, this.#isTrusted)
    if (connection.identity === undefined || connection.identityKey !== authority) {
      connection.identity = directIdentity(address, 'http', authority)
      connection.identityKey = authority
    }
    return connection.identity
  }
}
