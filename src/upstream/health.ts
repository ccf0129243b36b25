/**
 * Active health checks: asks each endpoint at regular times, on a connection of its own, as a client would. One loop per
 * endpoint and configuration of checks, whichever and however many configurations of the gateway use it.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import type { Clock, Timer } from '../core/clock.ts'
import type { SharedDeps } from '../core/feature.ts'
import type { Lease } from '../core/keep.ts'
import type { Endpoint } from './endpoint.ts'
import * as metrics from './metrics.ts'
import { afterCheck, type HealthState, newcomer, nextCheckMs } from './policy/health.ts'
import type { HealthCheckConfig } from './schema-resilience.ts'

/** Of a body that must hold a text, what is looked at. */
const MAX_BODY_BYTES = 64 * 1024
/** Of any body, what is read in the hope of its end. */
const MOST_BYTES = 1024 * 1024

export class HealthChecks {
  readonly #upstream: string
  readonly #config: HealthCheckConfig
  readonly #deps: SharedDeps

  constructor(upstream: string, config: HealthCheckConfig, deps: SharedDeps) {
    this.#upstream = upstream
    this.#config = config
    this.#deps = deps
  }

  /** Checks an endpoint for as long as the lease is held. */
  check(endpoint: Endpoint, lease: Lease): void {
    const identity = JSON.stringify([this.#upstream, endpoint.key, endpoint.tlsId, this.#config])
    lease.use(
      'health',
      identity,
      () => this.#begin(endpoint),
      (loop) => loop.stop(),
    )
  }

  #begin(endpoint: Endpoint): CheckLoop {
    return new CheckLoop(this.#upstream, endpoint, this.#config, this.#deps)
  }
}

class CheckLoop {
  readonly #endpoint: Endpoint
  readonly #config: HealthCheckConfig
  readonly #deps: SharedDeps
  readonly #labels: { upstream: string; endpoint: string }
  #state: HealthState = newcomer
  #check: Check | undefined = undefined
  #timer: Timer | undefined = undefined
  #isStopped = false

  constructor(upstream: string, endpoint: Endpoint, config: HealthCheckConfig, deps: SharedDeps) {
    this.#endpoint = endpoint
    this.#config = config
    this.#deps = deps
    this.#labels = { upstream, endpoint: endpoint.label }
    const { condition } = endpoint
    // Checked by other rules until now: what they found holds until these find otherwise.
    if (condition.checker !== undefined) {
      this.#state = { isHealthy: condition.isHealthy, isNew: !condition.isProven, against: 0 }
    }
    condition.checker = this
    condition.isHealthy = this.#state.isHealthy
    condition.isProven = !this.#state.isNew
    this.#show()
    this.#run()
  }

  /** No more checks; what they said is no longer believed. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#check?.end()
    const { condition } = this.#endpoint
    if (condition.checker !== this) return
    condition.checker = undefined
    condition.isHealthy = true
    condition.isProven = true
    condition.changed()
  }

  #run(): void {
    this.#check = new Check(this.#endpoint, this.#config, this.#deps.clock, (fault) => this.#checked(fault))
  }

  #checked(fault: string | undefined): void {
    if (this.#isStopped) return
    const { clock, log, metrics: registry, random } = this.#deps
    const before = this.#state
    this.#state = afterCheck(before, fault === undefined, this.#config)
    registry.counter(metrics.healthChecks, { ...this.#labels, outcome: fault === undefined ? 'good' : 'failed' })
      .value++
    if (before.isNew || before.isHealthy !== this.#state.isHealthy) this.#changed(fault, log)
    this.#timer = clock.after(nextCheckMs(this.#state, this.#config.interval, random()), () => this.#run())
  }

  #changed(fault: string | undefined, log: SharedDeps['log']): void {
    const { condition } = this.#endpoint
    const { isHealthy } = this.#state
    if (isHealthy) {
      condition.since = this.#deps.clock.now()
      log.info(this.#labels, 'endpoint is healthy')
    } else log.warn({ ...this.#labels, reason: fault ?? '' }, 'endpoint is unhealthy')
    condition.isHealthy = isHealthy
    condition.isProven = true
    this.#show()
    condition.changed()
  }

  #show(): void {
    this.#deps.metrics.gauge(metrics.healthy, this.#labels).value = this.#state.isHealthy ? 1 : 0
  }
}

/** One question to one endpoint. */
class Check {
  readonly #config: HealthCheckConfig
  readonly #report: (fault: string | undefined) => void
  readonly #timer: Timer
  readonly #request: ClientRequest
  /** What is wrong when the time is over. */
  #late: string
  #isOver = false

  /** @param report called once: with what is wrong, or undefined */
  constructor(
    endpoint: Endpoint,
    config: HealthCheckConfig,
    clock: Clock,
    report: (fault: string | undefined) => void,
  ) {
    this.#config = config
    this.#report = report
    this.#late = `no answer in ${config.timeout} ms`
    this.#request = ask(endpoint, config)
    this.#request.on('error', (error) => this.#done(error.message))
    this.#request.on('response', (answer) => this.#answered(answer))
    this.#request.end()
    this.#timer = clock.after(config.timeout, () => this.#done(this.#late))
  }

  /** Gives it up. */
  end(): void {
    this.#isOver = true
    this.#timer.cancel()
    this.#request.destroy()
  }

  #answered(answer: IncomingMessage): void {
    const { status, body, timeout } = this.#config
    const code = answer.statusCode ?? 0
    if (!status.some(({ from, to }) => code >= from && code <= to)) {
      this.#done(`status ${code}`)
      return
    }
    this.#late = `the answer did not end in ${timeout} ms`
    const kept: Buffer[] = []
    let bytes = 0
    answer.on('data', (chunk: Buffer) => {
      if (body !== undefined && bytes < MAX_BODY_BYTES) kept.push(chunk.subarray(0, MAX_BODY_BYTES - bytes))
      bytes += chunk.byteLength
      if (bytes > MOST_BYTES) this.#done(`the body is larger than ${MOST_BYTES} bytes`)
    })
    // Only a whole answer is a good one: an endpoint that cannot finish what it says is not well.
    answer.on('end', () => {
      const isRight = body === undefined || Buffer.concat(kept).includes(body)
      this.#done(isRight ? undefined : `the first ${MAX_BODY_BYTES} bytes of the body do not hold the text`)
    })
    answer.on('error', (error) => this.#done(error.message))
    answer.on('close', () => this.#done('the connection closed before the answer was complete'))
  }

  #done(fault: string | undefined): void {
    if (this.#isOver) return
    this.end()
    this.#report(fault)
  }
}

function ask({ address, tls }: Endpoint, { path, host, headers }: HealthCheckConfig): ClientRequest {
  const { hostname, port, socketPath, isTls, authority } = address
  const servername = isIP(hostname) === 0 ? hostname : ''
  const target = socketPath === undefined ? { host: hostname, port, servername } : { socketPath }
  const fields = {
    'user-agent': 'latency-gateway health check',
    ...headers,
    host: host ?? authority,
    connection: 'close',
  }
  const options = { ...target, ...tls, method: 'GET', path, headers: fields, agent: false as const }
  return isTls ? httpsRequest(options) : httpRequest(options)
}
