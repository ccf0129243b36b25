/** What a site sends, made the same way in each run: a list in JSON, a page, and a bundle of real code. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Body {
  readonly name: string
  readonly title: string
  readonly bytes: Buffer
}

const words =
  `light weight running shoe for wet roads with a wide toe box and firm heel made from recycled yarn in small batches
  ships within two days free returns cotton shirt slim fit washed linen summer colour navy sand moss sizes guide reviews
  customers also bought water proof jacket hood seams taped pocket zip reflective trim warm lining cap gloves`.split(
    /\s+/,
  )

/** The same numbers in [0, 1) in each run. */
function dice(): () => number {
  let state = 20_261_121
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

function text(next: () => number, count: number): string {
  return Array.from({ length: count }, () => words[Math.floor(next() * words.length)]).join(' ')
}

function list(bytes: number): Buffer {
  const next = dice()
  const items: string[] = []
  for (let length = 2; length < bytes; length += (items.at(-1) as string).length + 1) {
    const id = Math.floor(next() * 1e9)
    const price = Math.floor(next() * 20_000) / 100
    const stock = { amount: Math.floor(next() * 90), warehouse: `eu-${Math.floor(next() * 4)}` }
    items.push(JSON.stringify({ id, name: text(next, 4), price, currency: 'EUR', stock, description: text(next, 12) }))
  }
  return Buffer.from(`[${items.join(',')}]`)
}

function page(bytes: number): Buffer {
  const next = dice()
  const parts = ['<!doctype html><html lang="en"><head><title>Shop</title></head><body><main class="grid">']
  for (let length = 0; length < bytes; length += (parts.at(-1) as string).length) {
    const id = Math.floor(next() * 1e9)
    parts.push(
      `<article class="card" data-id="${id}"><a href="/product/${id}"><img src="/image/${id}.webp" alt="${text(next, 3)}"></a>` +
        `<h2 class="card-title">${text(next, 4)}</h2><p class="card-text">${text(next, 25)}</p></article>\n`,
    )
  }
  return Buffer.from(`${parts.join('')}</main></body></html>`)
}

/** Code of the packages that are installed anyway. */
function bundle(bytes: number): Buffer {
  const folder = fileURLToPath(new URL('../../node_modules/undici/lib', import.meta.url))
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'))
  const code = names.sort().map((name) => readFileSync(join(folder, name), 'utf8'))
  let all = code.join('\n')
  while (all.length < bytes) all += all
  return Buffer.from(all).subarray(0, bytes)
}

export const bodies: readonly Body[] = [
  { name: 'list.json', title: '12 kB JSON list', bytes: list(12_000) },
  { name: 'page.html', title: '100 kB HTML page', bytes: page(100_000) },
  { name: 'bundle.js', title: '1 MB JS bundle', bytes: bundle(1_000_000) },
]
