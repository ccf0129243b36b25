/**
 * http-proxy-3 with its classic data path and a keep-alive agent, as its documentation advises.
 * Usage: http-proxy-3.ts PORT ORIGIN_PORT
 */
import { Agent, createServer, ServerResponse } from 'node:http'
import { createProxyServer } from 'http-proxy-3'

const [port = '', origin = ''] = process.argv.slice(2)
const proxy = createProxyServer({ target: `http://127.0.0.1:${origin}`, agent: new Agent({ keepAlive: true }) })
proxy.on('error', (_error, _request, response) => {
  if (response instanceof ServerResponse) response.writeHead(502).end()
  else response.destroy()
})

createServer((request, response) => proxy.web(request, response)).listen(Number(port), '127.0.0.1')
