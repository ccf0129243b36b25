/**
 * Text and numbers as they stand in a log line. What comes from the network is escaped to printable ASCII, so that no
 * byte of it can end the line, close a string, move a terminal's cursor, or be read as another encoding.
 */

const unsafe = /[^ !#-[\]-~]/
const beyondAscii = /[\u007f-\uffff]/g

/** A JSON string with at most `maxLength` characters of `text`. Header bytes above ASCII read as Latin-1. */
export function quoted(text: string, maxLength: number): string {
  const short = text.length > maxLength ? text.slice(0, maxLength) : text
  if (!unsafe.test(short)) return `"${short}"`
  return JSON.stringify(short).replace(beyondAscii, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const fractions = Array.from({ length: 1000 }, (_, i) => (i === 0 ? '' : `.${String(i).padStart(3, '0')}`))
const LONGEST_MS = 1e12

/** Milliseconds to the microsecond, as a JSON number; 0 for what is none. */
export function millis(ms: number): string {
  if (!(ms > 0)) return '0'
  const micros = Math.round(Math.min(ms, LONGEST_MS) * 1000)
  const whole = Math.floor(micros / 1000)
  return `${whole}${fractions[micros - whole * 1000]}`
}
