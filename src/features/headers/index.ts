/** `request_headers` and `response_headers`: set, add and remove fields on the way upstream and to the client. */
import type { Feature } from '../../core/feature.ts'
import { compileEdits } from './edits.ts'
import { checkHeaders, type HeadersConfig, headersSchema } from './schema.ts'

type Config = HeadersConfig | false | undefined

export const requestHeaders: Feature<Config> = {
  key: 'request_headers',
  route: headersSchema('request'),
  inherits: true,
  metrics: [],
  check(config, _top, route) {
    return config ? checkHeaders(config, 'request', 'request_headers', route.pattern) : []
  },
  build(config) {
    const edit = config ? compileEdits(config) : undefined
    if (edit === undefined) return undefined
    return {
      stage: {
        name: 'request_headers',
        send(x, req) {
          edit(x, req.headers)
          return req
        },
      },
    }
  },
}

export const responseHeaders: Feature<Config> = {
  key: 'response_headers',
  route: headersSchema('response'),
  inherits: true,
  metrics: [],
  check(config, _top, route) {
    return config ? checkHeaders(config, 'response', 'response_headers', route.pattern) : []
  },
  build(config) {
    const edit = config ? compileEdits(config) : undefined
    if (edit === undefined) return undefined
    return {
      stage: {
        name: 'response_headers',
        deliver(x, res) {
          edit(x, res.headers)
          return undefined
        },
      },
    }
  },
}
