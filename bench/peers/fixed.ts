/**
 * The floor: node:http answering from memory, with no proxying at all. Also the origin where nginx is not installed.
 * Usage: fixed.ts PORT
 */
import { createServer } from 'node:http'

const [port = ''] = process.argv.slice(2)
const body = Buffer.alloc(1024, 'x')
const headers = [
  ...['Content-Type', 'text/plain', 'Content-Length', String(body.byteLength)],
  ...['Cache-Control', 'max-age=3600'],
]

createServer((_request, response) => {
  response.writeHead(200, headers)
  response.end(body)
}).listen(Number(port), '127.0.0.1')
