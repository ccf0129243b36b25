/**
 * Subscriptions over a connection of their own. A channel is live from the server's word that it is subscribed until
 * the connection closes, or is silent: nothing arrives on a quiet channel, so a PING every second asks whether the
 * connection still holds; two that go unanswered end it, and a new one is made.
 */
import type { Clock, Timer } from '../core/clock.ts'
import type { ChannelListener } from '../core/shared-state.ts'
import type { Client } from './client.ts'
import type { Health } from './health.ts'

const HEARTBEAT_MS = 1000
const MISSED_HEARTBEATS = 2
const RESUBSCRIBE_MS = 1000

interface Channel {
  readonly listeners: Set<ChannelListener>
  isLive: boolean
}

export class Channels {
  readonly name: string
  readonly #client: Client
  readonly #clock: Clock
  readonly #health: Health
  readonly #channels = new Map<string, Channel>()
  readonly #heartbeat: Timer
  #isReady = false
  #isClosed = false
  #missed = 0
  #why = 'not connected yet'
  #timer: Timer | undefined = undefined

  constructor(name: string, client: Client, deps: { clock: Clock; health: Health }) {
    this.name = name
    this.#client = client
    this.#clock = deps.clock
    this.#health = deps.health
    this.#heartbeat = deps.clock.every(HEARTBEAT_MS, () => this.#beat())
    client.on('ready', () => this.#connected())
    client.on('error', (error: Error) => {
      this.#why = error.message
    })
    client.on('close', () => this.#disconnected())
    client.on('end', () => this.#ended())
    client.on('messageBuffer', (channel: Buffer, payload: Buffer) => this.#heard(channel.toString(), payload))
  }

  subscribe(name: string, listener: ChannelListener): () => void {
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      channel = { listeners: new Set(), isLive: false }
      this.#channels.set(name, channel)
      if (this.#isReady) this.#subscribe(name, channel)
    }
    channel.listeners.add(listener)
    if (!channel.isLive) listener.lost()
    return () => this.#unsubscribe(name, listener)
  }

  close(): void {
    this.#isClosed = true
    this.#heartbeat.cancel()
    this.#timer?.cancel()
    this.#channels.clear()
    this.#client.disconnect()
  }

  #unsubscribe(name: string, listener: ChannelListener): void {
    const channel = this.#channels.get(name)
    if (channel?.listeners.delete(listener) !== true || channel.listeners.size > 0) return
    this.#channels.delete(name)
    // A connection that breaks now is subscribed to nothing any more, which is what was asked for.
    if (this.#isReady) this.#client.unsubscribe(name).catch(() => {})
  }

  #subscribe(name: string, channel: Channel): void {
    this.#client.subscribe(name).then(
      () => {
        if (!this.#isReady || this.#channels.get(name) !== channel || channel.isLive) return
        channel.isLive = true
        for (const listener of channel.listeners) listener.regained()
      },
      (error: Error) => this.#refused(name, channel, error),
    )
  }

  /** A connection that closed subscribes anew when it is back; a server that says no is asked again. */
  #refused(name: string, channel: Channel, error: Error): void {
    if (!this.#isReady || this.#isClosed) return
    this.#health.down(this.name, error.message)
    this.#timer = this.#clock.after(RESUBSCRIBE_MS, () => {
      if (this.#isReady && this.#channels.get(name) === channel) this.#subscribe(name, channel)
    })
  }

  #heard(name: string, payload: Buffer): void {
    this.#missed = 0
    const channel = this.#channels.get(name)
    if (channel === undefined) return
    for (const listener of channel.listeners) listener.message(payload)
  }

  #beat(): void {
    if (!this.#isReady) return
    if (this.#missed >= MISSED_HEARTBEATS) {
      this.#why = 'the connection is silent'
      this.#disconnected()
      this.#client.disconnect(true)
      return
    }
    this.#missed++
    this.#client.ping().then(
      () => {
        this.#missed = 0
      },
      // A connection that breaks says so itself.
      () => {},
    )
  }

  #connected(): void {
    if (this.#isClosed) return
    this.#isReady = true
    this.#missed = 0
    this.#health.up(this.name)
    for (const [name, channel] of this.#channels) this.#subscribe(name, channel)
  }

  #disconnected(): void {
    if (this.#isClosed) return
    if (this.#isReady && this.#missed < MISSED_HEARTBEATS) this.#why = 'the connection was lost'
    this.#isReady = false
    this.#health.down(this.name, this.#why)
    for (const channel of this.#channels.values()) {
      if (!channel.isLive) continue
      channel.isLive = false
      for (const listener of channel.listeners) listener.lost()
    }
  }

  #ended(): void {
    if (this.#isClosed) return
    this.#disconnected()
    this.#timer = this.#clock.after(RESUBSCRIBE_MS, () => {
      this.#client.connect().catch((error: Error) => {
        this.#why = error.message
      })
    })
  }
}
