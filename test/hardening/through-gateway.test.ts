/** The same requests through the whole gateway: what the listener refuses, no backend ever sees. */
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { TestGateway } from '../harness/gateway.ts'
import { RawClient } from './bare-listener.ts'
import { type RequestCase, requestCases } from './requests.ts'

interface Backend {
  readonly url: string
  /** Requests that came with all of their content. */
  whole: number
  close(): void
}

async function backend(): Promise<Backend> {
  const server: Server = createServer((request, response) => {
    request.on('error', () => {})
    request.resume()
    request.on('end', () => {
      if (request.complete) it.whole++
      response.end('ok')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const it: Backend = {
    url: `http://127.0.0.1:${port}`,
    whole: 0,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
  return it
}

async function statusesOf(port: number, test: RequestCase): Promise<string[]> {
  const client = new RawClient(connect(port, '127.0.0.1'))
  client.send(test.bytes)
  if (test.expected === 'served') await client.until(/HTTP\/1\.1 [2-5]\d\d/)
  else await client.closed()
  client.socket.destroy()
  const statuses = [...client.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1] as string)
  return statuses.filter((status) => !status.startsWith('1'))
}

for (const expected of ['refused', 'broken', 'served'] as const) {
  t.test(`through the whole gateway, requests to be ${expected}`, { timeout: 100_000 }, async (t) => {
    const origin = await backend()
    const gateway = await TestGateway.start({ routes: [{ upstream: origin.url }] })
    t.teardown(async () => {
      await gateway.close()
      origin.close()
    })
    for (const test of requestCases) {
      if (test.expected !== expected) continue
      const before = origin.whole
      const statuses = await statusesOf(gateway.port, test)
      const label = `${test.name} (${test.why})`
      t.equal(statuses.length, 1, label)
      t.match(statuses, [expected === 'served' ? /^200$/ : /^(?:4\d\d|501)$/], label)
      t.equal(origin.whole - before, expected === 'served' ? 1 : 0, label)
    }
    t.equal((await gateway.get('/')).status, 200, 'others are still served')
  })
}
