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
  answer(view: AdminView, accept: string): Answer | Promise<Answer>
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
