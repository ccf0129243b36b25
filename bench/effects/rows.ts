/** Rows with one figure and one bound, and how figures are written. */
import type { ContenderName, Figures, Row } from './scenario.ts'

type Format = (value: number) => string

export const milliseconds: Format = (value) => (Number.isNaN(value) ? 'none' : `${Math.round(value)} ms`)
export const count: Format = (value) => (Number.isNaN(value) ? '' : String(value))
export const ratio: Format = (value) => value.toFixed(2)
export const percent: Format = (value) => `${(value * 100).toFixed(1)} %`
export const perSecond: Format = (value) => `${value.toFixed(1)}/s`
export const seconds: Format = (value) => `${value.toFixed(1)} s`
export const mebibytes: Format = (value) => `${Math.round(value / 2 ** 20)} MiB`

/** The figure of that name; NaN, which meets no target, when there is none. */
function figure(figures: Figures, name: string): number {
  return figures[name] ?? Number.NaN
}

export function atMost(title: string, name: string, limit: number, format: Format): Row {
  return row(title, `<= ${format(limit)}`, name, format, (value) => value <= limit)
}

export function atLeast(title: string, name: string, limit: number, format: Format): Row {
  return row(title, `>= ${format(limit)}`, name, format, (value) => value >= limit)
}

export function exactly(title: string, name: string, wanted: number, format: Format): Row {
  return row(title, format(wanted), name, format, (value) => value === wanted)
}

export function around(title: string, name: string, wanted: number, width: number, format: Format): Row {
  const target = `${wanted} ± ${format(width)}`
  return row(title, target, name, format, (value) => Math.abs(value - wanted) <= width)
}

/** In milliseconds, beside what it is measured against in the same run. */
export function within(title: string, name: string, yardstick: string, factor: number, plusMs: number): Row {
  return {
    title,
    target: `<= ${factor} × + ${plusMs} ms`,
    show: (figures) => `${milliseconds(figure(figures, name))} (${milliseconds(figure(figures, yardstick))})`,
    isMet: (figures) => figure(figures, name) <= factor * figure(figures, yardstick) + plusMs,
  }
}

/** At most so many times what a peer has in the same run. */
export function timesPeer(title: string, name: string, peer: ContenderName, factor: number, format: Format): Row {
  return {
    title,
    target: `<= ${factor} × ${peer}`,
    peer,
    show: (figures) => format(figure(figures, name)),
    isMet: (figures, ofPeer = {}) => figure(figures, name) <= factor * figure(ofPeer, name),
  }
}

/** Shown beside the others, without a target. */
export function merely(title: string, name: string, format: Format): Row {
  return row(title, '', name, format, () => true)
}

function row(title: string, target: string, name: string, format: Format, isMet: (value: number) => boolean): Row {
  return {
    title,
    target,
    show: (figures) => format(figure(figures, name)),
    isMet: (figures) => isMet(figure(figures, name)),
  }
}
