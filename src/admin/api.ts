/** What the admin listener serves: one row per page. The pages show a view of the gateway; none reaches into it. */

/** What the admin listener may see and do. */
export interface AdminView {
  /** Why new requests should go elsewhere (`starting`, `draining`), or undefined when they are welcome. */
  notReady(): string | undefined
  /** Everything measured, in Prometheus' text format. */
  metrics(): Promise<{ readonly type: string; readonly text: string }>
  /** The configuration in force, secrets replaced. */
  config(): unknown
  routes(): unknown
  upstreams(): unknown
  reload(): Promise<ReloadReport>
  /** Applies an operator's wish to one endpoint. False: there is no such upstream or endpoint. */
  changeEndpoint(upstream: string, url: string, change: EndpointWish): boolean
  /** A text says what is wrong with the wish. */
  purge(wish: PurgeWish): Promise<unknown | string>
}

/** Which stored answers are to go; the kinds add up. */
export interface PurgeWish {
  readonly urls: readonly string[]
  readonly isPrefix: boolean
  readonly tags: readonly string[]
  readonly groups: readonly string[]
  readonly isAll: boolean
  readonly isSoft: boolean
  readonly isDryRun: boolean
}

export interface EndpointWish {
  /** True: no more requests; those under way end. */
  readonly drained?: boolean
  /** In place of the configured weight; null for that one again. */
  readonly weight?: number | null
}

export interface ReloadReport {
  readonly result: 'applied' | 'rejected'
  /** One line per problem, as `gateway check` prints it. */
  readonly problems: readonly string[]
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly header?: readonly [name: string, value: string]
}

export interface Endpoint {
  readonly method: 'GET' | 'POST'
  readonly about: string
  /** Asks for no token and no particular Host: what probes call, and what tells nothing but yes or no. */
  readonly isPublic: boolean
  answer(view: AdminView, accept: string, query: URLSearchParams): Answer | Promise<Answer>
}

const get = (about: string, answer: Endpoint['answer'], isPublic = false): Endpoint => ({
  method: 'GET',
  about,
  isPublic,
  answer,
})

export const endpoints: ReadonlyMap<string, Endpoint> = new Map([
  ['/', get('this page', (_view, accept) => index(accept))],
  ['/healthz', get('200 while the process is alive', () => text(200, 'ok'), true)],
  ['/readyz', get('200 while new requests are welcome, else 503', readiness, true)],
  ['/metrics', get('metrics for Prometheus', metrics)],
  ['/api/v1/config', get('the configuration in force, secrets replaced', (view) => json(200, view.config()))],
  ['/api/v1/routes', get('routes, in the order in which they match', (view) => json(200, { routes: view.routes() }))],
  [
    '/api/v1/upstreams',
    get('upstreams and their endpoints as they are now', (view) => json(200, { upstreams: view.upstreams() })),
  ],
  [
    '/api/v1/endpoints',
    {
      method: 'POST',
      about: 'changes an endpoint: ?upstream=NAME&url=URL with drain=true, drain=false, weight=N or weight=default',
      isPublic: false,
      answer: (view, _accept, query) => changeEndpoint(view, query),
    },
  ],
  [
    '/api/v1/cache/purge',
    {
      method: 'POST',
      about:
        'removes stored answers: ?url=URL, tag=TAG, group=GROUP (each as often as needed) or all=true, with prefix, soft, dry_run',
      isPublic: false,
      answer: purge,
    },
  ],
  ['/api/v1/reload', { method: 'POST', about: 'reads the configuration again', isPublic: false, answer: reload }],
])

export function allowed(endpoint: Endpoint): string {
  return endpoint.method === 'GET' ? 'GET, HEAD' : endpoint.method
}

/** RFC 9457. */
export function problem(status: number, title: string, header?: Answer['header']): Answer {
  const body = `${JSON.stringify({ type: 'about:blank', title, status })}\n`
  return { status, type: 'application/problem+json', body, ...(header === undefined ? {} : { header }) }
}

function readiness(view: AdminView): Answer {
  const why = view.notReady()
  return why === undefined ? text(200, 'ready') : text(503, why)
}

async function metrics(view: AdminView): Promise<Answer> {
  const { type, text: body } = await view.metrics()
  return { status: 200, type, body }
}

async function reload(view: AdminView): Promise<Answer> {
  const report = await view.reload()
  return json(report.result === 'applied' ? 200 : 422, report)
}

/** Holds until the process ends, also over reloads; never written to the file. */
function changeEndpoint(view: AdminView, query: URLSearchParams): Answer {
  const upstream = query.get('upstream')
  const url = query.get('url')
  if (upstream === null || url === null) return problem(400, 'upstream and url are required')
  const unknown = [...query.keys()].find((key) => !['upstream', 'url', 'drain', 'weight'].includes(key))
  if (unknown !== undefined) return problem(400, `Unknown parameter ${unknown}`)
  const drain = query.get('drain')
  if (drain !== null && drain !== 'true' && drain !== 'false') return problem(400, 'drain must be true or false')
  const weight = query.get('weight')
  if (weight !== null && weight !== 'default' && !(/^\d{1,4}$/.test(weight) && Number(weight) <= 1000)) {
    return problem(400, 'weight must be a number from 0 to 1000, or default')
  }
  if (drain === null && weight === null) return problem(400, 'drain or weight is required')
  const wish: EndpointWish = {
    ...(drain === null ? {} : { drained: drain === 'true' }),
    ...(weight === null ? {} : { weight: weight === 'default' ? null : Number(weight) }),
  }
  if (!view.changeEndpoint(upstream, url, wish)) return problem(404, 'No such upstream or endpoint')
  return json(200, { upstreams: view.upstreams() })
}

const purgeSwitches = ['prefix', 'soft', 'dry_run', 'all'] as const

async function purge(view: AdminView, _accept: string, query: URLSearchParams): Promise<Answer> {
  const known: readonly string[] = ['url', 'tag', 'group', ...purgeSwitches]
  const unknown = [...query.keys()].find((key) => !known.includes(key))
  if (unknown !== undefined) return problem(400, `Unknown parameter ${unknown}`)
  const unclear = purgeSwitches.find((key) => !['true', 'false', null].includes(query.get(key)))
  if (unclear !== undefined) return problem(400, `${unclear} must be true or false`)
  const isOn = (key: (typeof purgeSwitches)[number]) => query.get(key) === 'true'
  const report = await view.purge({
    urls: query.getAll('url'),
    tags: query.getAll('tag'),
    groups: query.getAll('group'),
    isPrefix: isOn('prefix'),
    isAll: isOn('all'),
    isSoft: isOn('soft'),
    isDryRun: isOn('dry_run'),
  })
  return typeof report === 'string' ? problem(400, report) : json(200, report)
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` }
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` }
}

function index(accept: string): Answer {
  const rows = [...endpoints].map(([path, { method, about }]) => ({ path, method, about }))
  if (!accept.includes('text/html')) {
    return text(200, rows.map(({ path, method, about }) => `${method.padEnd(5)}${path.padEnd(20)}${about}`).join('\n'))
  }
  const items = rows.map(({ path, method, about }) =>
    method === 'GET' ? `<li><a href="${path}">${path}</a>: ${about}` : `<li>${method} ${path}: ${about}`,
  )
  const body = `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>latency gateway</title>\n<h1>latency gateway</h1>\n<ul>\n${items.join('\n')}\n</ul>\n</html>\n`
  return { status: 200, type: 'text/html; charset=utf-8', body }
}
