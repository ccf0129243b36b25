/** The alerts and the dashboard that come with the gateway ask for metrics that it really has. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { nodeMetrics } from '../src/telemetry/node.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Every name that a specification in the sources gives. */
function metricNames(): Set<string> {
  const names = new Set<string>()
  for (const path of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || path.endsWith('.test.ts')) continue
    for (const [, name] of read(join('src', path)).matchAll(/'((?:gateway|nodejs|process)_[a-z0-9_]+)'/g)) {
      names.add(name as string)
    }
  }
  return names
}

const existing = metricNames()

/** Names in these queries that no metric has. */
function unknownNames(queries: readonly string[]): string[] {
  const asked = queries.flatMap((query) => query.match(/\b(?:gateway|nodejs|process)_[a-z0-9_]+/g) ?? [])
  return asked.filter((name) => {
    if (existing.has(name)) return false
    const base = name.replace(/_(?:bucket|sum|count)$/, '')
    return base === name || !existing.has(base)
  })
}

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels?: { readonly severity?: string }
  readonly annotations?: { readonly summary?: string }
}

t.test('every alert asks for metrics that exist, and says what is wrong', async (t) => {
  const file = parse(read('config/prometheus-rules.yaml')) as { groups: { rules: Rule[] }[] }
  const rules = file.groups.flatMap((group) => group.rules)
  t.ok(rules.length >= 10)
  t.equal(new Set(rules.map((rule) => rule.alert)).size, rules.length)
  for (const rule of rules) {
    t.same(unknownNames([rule.expr]), [], rule.alert)
    t.match(rule.expr, /(?:gateway|nodejs|process)_/)
    t.match(rule.labels?.severity, /^(?:info|warning|critical)$/)
    t.ok(rule.annotations?.summary)
  }
})

interface Dashboard {
  readonly templating: { readonly list: { readonly query: string | { readonly query: string } }[] }
  readonly annotations: { readonly list: { readonly expr: string }[] }
  readonly panels: { readonly id: number; readonly title: string; readonly targets?: { readonly expr: string }[] }[]
}

t.test('every panel of the dashboard asks for metrics that exist', async (t) => {
  const board = JSON.parse(read('config/grafana.json')) as Dashboard
  for (const { title, targets } of board.panels) {
    t.same(unknownNames((targets ?? []).map((target) => target.expr)), [], title)
  }
  const queries = board.templating.list.map(({ query }) => (typeof query === 'string' ? query : query.query))
  t.same(unknownNames([...queries, ...board.annotations.list.map(({ expr }) => expr)]), [])
  t.equal(new Set(board.panels.map((panel) => panel.id)).size, board.panels.length)
})

t.test('parentheses and braces in queries close', async (t) => {
  const board = JSON.parse(read('config/grafana.json')) as Dashboard
  const file = parse(read('config/prometheus-rules.yaml')) as { groups: { rules: Rule[] }[] }
  const queries = [
    ...board.panels.flatMap((panel) => (panel.targets ?? []).map((target) => target.expr)),
    ...file.groups.flatMap((group) => group.rules.map((rule) => rule.expr)),
  ]
  for (const query of queries) {
    let left = query.replace(/"[^"]*"/g, '').replace(/[^(){}[\]]/g, '')
    while (/\(\)|\{\}|\[\]/.test(left)) left = left.replace(/\(\)|\{\}|\[\]/g, '')
    t.equal(left, '', query)
  }
})

t.test('the search for names finds them', async (t) => {
  for (const { name } of nodeMetrics) t.ok(existing.has(name), name)
  t.same(unknownNames(['rate(gateway_no_such_thing_total[5m])']), ['gateway_no_such_thing_total'])
})
