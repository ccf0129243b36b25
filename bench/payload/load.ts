/** Requests of this benchmark: load by wrk, and single answers counted to the byte. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { onCore } from '../processes.ts'
import { type Load, parseReport } from '../wrk.ts'

export interface Asking {
  readonly port: number
  readonly path: string
  readonly accept: string
  readonly seconds: number
  readonly connections: number
  /** Ask for a new object each time: the path gets a number. */
  readonly isCold: boolean
}

const coldScript = fileURLToPath(new URL('cold.lua', import.meta.url))

export async function load({ port, path, accept, seconds, connections, isCold }: Asking): Promise<Load> {
  const size = ['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`, '--latency']
  const script = isCold ? ['--script', coldScript] : []
  const headers = ['--header', `Accept-Encoding: ${accept}`]
  const [program, args] = onCore('load', ['wrk', ...size, ...script, ...headers, `http://127.0.0.1:${port}${path}`])
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let report = ''
  child.stdout.on('data', (chunk: Buffer) => {
    report += chunk.toString()
  })
  await once(child, 'close')
  return parseReport(report)
}

/** One answer on a connection of its own: its bytes on the wire, head and all, and what it says about itself. */
export async function answer(port: number, path: string, accept: string): Promise<{ bytes: number; coding: string }> {
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept-Encoding: ${accept}\r\nConnection: close\r\n\r\n`,
  )
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  const all = Buffer.concat(chunks)
  const head = all.subarray(0, all.indexOf('\r\n\r\n')).toString('latin1')
  if (!head.startsWith('HTTP/1.1 200')) throw new Error(`${path} was answered with\n${head}`)
  return { bytes: all.byteLength, coding: /^content-encoding: *(\S+)/im.exec(head)?.[1] ?? 'identity' }
}
