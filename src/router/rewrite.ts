/**
 * The `send` stage that changes path and host on the way upstream. What it makes of a path is again a normal path:
 * doubled slashes are merged, and what parts of segments (captures of a regular expression) add up to is checked, since
 * `.` and `.` from two captures are `..`.
 */
import { GatewayError } from '../core/errors.ts'
import type { Exchange } from '../core/exchange.ts'
import type { Path, Problem } from '../core/feature.ts'
import type { RequestHead } from '../core/message.ts'
import type { Stage } from '../core/stage.ts'
import { captured, captureNames, templateFault, templateParts } from '../core/template.ts'
import { normalPath } from '../net/policy/path.ts'
import { isAtOrBelow } from './pattern.ts'
import type { MatchConfig, RewriteConfig } from './schema.ts'

/** Placeholders that the match does not capture. `at` is the route. */
export function checkRewrite(rewrite: RewriteConfig, match: MatchConfig, at: Path): Problem[] {
  const allowed = ['path', ...captureNames(match.path ?? '')]
  const message = templateFault(rewrite.path ?? '', allowed)
  return message === undefined ? [] : [{ path: [...at, 'rewrite', 'path'], message }]
}

export function rewriteStage(rewrite: RewriteConfig, match: MatchConfig): Stage {
  const { strip_prefix: prefix, host } = rewrite
  const template = rewrite.path === undefined ? undefined : pathTemplate(rewrite.path, match)
  return {
    name: 'rewrite',
    send(x: Exchange, req: RequestHead): RequestHead {
      let { path } = req
      // RFC 9112 §3.2.4: `OPTIONS *` asks about the server; a path would make it a question about one resource.
      if (path !== '*') {
        if (prefix !== undefined) path = withoutPrefix(path, prefix)
        if (template !== undefined) path = template(path, x.captures)
      }
      return {
        method: req.method,
        scheme: req.scheme,
        // '' is the endpoint's own name: it is not known yet.
        authority: host === 'keep' ? req.authority : host === 'upstream' ? '' : host,
        host: req.host,
        path,
        query: req.query,
        headers: req.headers,
        body: req.body,
      }
    },
  }
}

/** On a segment boundary; a path that does not begin with the prefix stays as it is. */
function withoutPrefix(path: string, prefix: string): string {
  if (!isAtOrBelow(path, prefix)) return path
  return path.length === prefix.length ? '/' : path.slice(prefix.length)
}

type PathTemplate = (path: string, captures: readonly string[]) => string

function pathTemplate(template: string, match: MatchConfig): PathTemplate {
  const parts = templateParts(template)
  const isSafe = isAlwaysNormal(template, match)
  return (path, captures) => {
    let made = ''
    for (const part of parts) {
      made += part.kind === 'text' ? part.text : part.name === 'path' ? path : captured(captures, part.name)
    }
    if (made.includes('//')) made = made.replace(/\/{2,}/g, '/')
    return isSafe ? made : normal(made)
  }
}

/** Whether each placeholder stands for whole segments, which were normal when they came. */
function isAlwaysNormal(template: string, match: MatchConfig): boolean {
  const isRegex = match.path?.startsWith('~') === true
  const rest = template
    .replace(/(?<=\/)\{(?!path\})[A-Za-z_][A-Za-z0-9_]*\}(?=\/|$|\{path\})/g, isRegex ? '$&' : '')
    .replace(/\{path\}(?=\/|$)/g, '')
  return templateParts(rest).every((part) => part.kind === 'text')
}

function normal(path: string): string {
  if (normalPath(path, 'keep') === path) return path
  throw new GatewayError('bad_target', 'what the rewrite made of the path is not a normal path')
}
