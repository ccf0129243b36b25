/**
 * What would happen to a request, found out by the same code that would do it: the router's matching, the stages'
 * edits, the answers of stages that answer by themselves. Nothing is sent.
 */
import type { RouteConfig } from '../configuration.ts'
import { asGatewayError, errorTable } from '../core/errors.ts'
import { type Exchange, spans } from '../core/exchange.ts'
import type { HeaderList } from '../core/headers.ts'
import type { RequestHead } from '../core/message.ts'
import { NORMAL } from '../core/priority.ts'
import type { Reply } from '../core/reply.ts'
import { type Phase, phases, type Stage } from '../core/stage.ts'
import { Edits } from '../edits.ts'
import { features } from '../features.ts'
import type { Generation } from '../generation.ts'
import type { Plan } from '../plan.ts'
import { explainRoutes } from '../router/explain.ts'
import type { TypedRequest } from './request-line.ts'

export interface Explanation {
  readonly request: { readonly method: string; readonly host: string; readonly path: string; readonly query: string }
  /** Routes above the one that matches, in order, and the first condition of each that does not hold. */
  readonly passed: readonly { readonly route: string; readonly because: string }[]
  /** Undefined: none matches. */
  readonly route: string | undefined
  readonly stages: readonly { readonly name: string; readonly phases: readonly Phase[] }[]
  /** What the gateway answers itself. */
  readonly answer: Answered | undefined
  readonly upstream: readonly Candidate[]
  /** The request that goes upstream. */
  readonly sent: Sent | undefined
}

export interface Answered {
  readonly status: number
  readonly headers: HeaderList
  readonly body: string
}

export interface Candidate {
  readonly to: string
  /** Of this route's requests, 0 to 1. */
  readonly share: number
  readonly endpoints: readonly string[]
}

export interface Sent {
  readonly method: string
  readonly target: string
  /** With Host first. */
  readonly headers: HeaderList
}

export function explained(typed: TypedRequest, generation: Generation): Explanation {
  const { head } = typed
  const { method, host, path, query } = head
  const request = { method, host, path, query }
  const found = generation.router.find(head)
  const { routes } = generation.config
  const index = found === undefined ? routes.length : generation.plans.indexOf(found.target)
  const passed = explainRoutes(routes.slice(0, index), head).map(({ name, because }) => ({ route: name, because }))
  if (found === undefined) {
    const { status, title } = errorTable.no_route
    const answer = { status, headers: [], body: title }
    return { request, passed, route: undefined, stages: [], answer, upstream: [], sent: undefined }
  }
  const plan = found.target
  const x = exchange(typed, plan, found.captures)
  const route = routes[index] as RouteConfig
  const upstream = candidates(route, generation)
  const stages = plan.stages.map((stage) => ({ name: stage.name, phases: phasesOf(stage) }))
  const answer = answered(x, plan)
  const base = { request, passed, route: route.name, stages, upstream }
  if (answer !== undefined || route.upstream === undefined) return { ...base, answer, sent: undefined }
  try {
    return { ...base, answer, sent: sent(x, head, plan) }
  } catch (thrown) {
    const { status, title, detail } = asGatewayError(thrown)
    return { ...base, answer: { status, headers: [], body: `${title}: ${detail}` }, sent: undefined }
  }
}

function phasesOf(stage: Stage): Phase[] {
  return phases.filter((phase) => stage[phase] !== undefined)
}

/** Of features that answer instead of an upstream; they decide by the request alone. */
function answered(x: Exchange, plan: Plan): Answered | undefined {
  const answering = new Set(features.filter((feature) => feature.answers === true).map((feature) => feature.key))
  for (const stage of plan.stages) {
    if (!answering.has(stage.name)) continue
    const reply = stage.admit?.(x)
    if (reply === undefined || reply instanceof Promise) continue
    return delivered(x, plan, reply)
  }
  return undefined
}

function delivered(x: Exchange, plan: Plan, reply: Reply): Answered {
  const head = { status: reply.status, reason: '', headers: [...reply.headers] }
  for (const step of plan.deliver) step.deliver(x, head)
  return { status: head.status, headers: head.headers, body: new TextDecoder().decode(reply.body) }
}

function candidates(route: RouteConfig, generation: Generation): Candidate[] {
  const choices = route.upstream?.choices ?? []
  const total = choices.reduce((sum, { weight }) => sum + weight, 0)
  const snapshots = generation.upstreams()
  return choices.map(({ to, weight }) => {
    const endpoints = snapshots.find(({ name }) => name === to)?.endpoints ?? []
    return { to, share: weight / total, endpoints: endpoints.map(({ url }) => url) }
  })
}

function sent(x: Exchange, head: RequestHead, plan: Plan): Sent {
  const prepared = new Edits(plan.stages, plan.origin).prepare(x, head)
  const { method, path, query, authority, headers } = prepared
  return { method, target: path + query, headers: ['Host', authority === '' ? ENDPOINT : authority, ...headers] }
}

/** Stands for a name that is known once an endpoint is chosen. */
const ENDPOINT = '(the endpoint’s own)'

function exchange({ head, peer }: TypedRequest, plan: Plan, captures: readonly string[]): Exchange {
  return {
    id: 'request-id',
    request: head,
    peer,
    route: plan.route,
    captures,
    startedAt: 0,
    spans: new Float64Array(spans.length),
    headAt: 0,
    status: 0,
    sentBytes: 0,
    outcome: undefined,
    endpoint: '',
    tries: 0,
    cache: '',
    stored: undefined,
    instead: undefined,
    deadlineAt: Number.POSITIVE_INFINITY,
    priority: NORMAL,
    hedged: false,
    affinity: '',
    fallback: '',
    refusedBy: '',
    slots: new Array(plan.slots),
  }
}
