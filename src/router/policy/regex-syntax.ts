/**
 * The regular expressions of route conditions, read into a tree: JavaScript's syntax without what cannot be matched in
 * time proportional to the subject (lookaround, backreferences), and strict where JavaScript guesses at the meaning.
 * A leading `(?i)` ignores the case of ASCII letters. `(?<name>…)` captures, `(…)` only groups.
 */

/** One character (a UTF-16 code unit) out of inclusive ranges, flat: from, to, from, to, … */
export type Ranges = readonly number[]

export type RegexNode =
  | { readonly kind: 'one'; readonly ranges: Ranges }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'either'; readonly options: readonly RegexNode[] }
  | {
      readonly kind: 'repeat'
      readonly body: RegexNode
      readonly min: number
      readonly max: number
      readonly isGreedy: boolean
    }
  | { readonly kind: 'capture'; readonly name: string; readonly body: RegexNode }
  | { readonly kind: 'start' | 'end' | 'boundary' | 'no boundary' }

export interface RegexTree {
  readonly root: RegexNode
  readonly ignoresCase: boolean
  /** Names of captures, in order of their opening parentheses. */
  readonly names: readonly string[]
}

/** What is wrong with an expression, as the end of a sentence about it. */
export class RegexFault extends Error {}

export const MAX_PATTERN_LENGTH = 1000
const MAX_REPEATS = 1000
const MAX_DEPTH = 50
const LAST = 0xffff

const digits: Ranges = [0x30, 0x39]
const wordCharacters: Ranges = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a]
const spaces: Ranges = [
  0x09, 0x0d, 0x20, 0x20, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f,
  0x3000, 0x3000, 0xfeff, 0xfeff,
]
const lineEnds: Ranges = [0x0a, 0x0a, 0x0d, 0x0d, 0x2028, 0x2029]
const controls: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, f: 0x0c, v: 0x0b, 0: 0 }

/** @throws RegexFault */
export function parseRegex(text: string): RegexTree {
  if (text.length > MAX_PATTERN_LENGTH) throw new RegexFault(`is longer than ${MAX_PATTERN_LENGTH} characters`)
  return new Parser(text).parse()
}

/** What every subject that matches must begin with; '' where that is open. */
export function literalPrefix(tree: RegexTree): string {
  const parts = tree.root.kind === 'sequence' ? tree.root.parts : [tree.root]
  if (parts[0]?.kind !== 'start') return ''
  let prefix = ''
  for (const part of parts.slice(1)) {
    if (part.kind !== 'one' || part.ranges.length !== 2 || part.ranges[0] !== part.ranges[1]) break
    prefix += String.fromCharCode(part.ranges[0] as number)
  }
  return prefix
}

class Parser {
  readonly #text: string
  readonly #ignoresCase: boolean
  readonly #names: string[] = []
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
    this.#ignoresCase = text.startsWith('(?i)')
    if (this.#ignoresCase) this.#at = 4
  }

  parse(): RegexTree {
    const root = this.#either()
    if (this.#at < this.#text.length) throw new RegexFault('has a `)` that closes nothing')
    return { root, ignoresCase: this.#ignoresCase, names: this.#names }
  }

  #either(): RegexNode {
    if (++this.#depth > MAX_DEPTH) throw new RegexFault(`nests groups deeper than ${MAX_DEPTH}`)
    const options = [this.#sequence()]
    while (this.#take('|')) options.push(this.#sequence())
    this.#depth--
    return options.length === 1 ? (options[0] as RegexNode) : { kind: 'either', options }
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = []
    while (this.#at < this.#text.length && !this.#sees('|') && !this.#sees(')')) parts.push(this.#repeated())
    return parts.length === 1 ? (parts[0] as RegexNode) : { kind: 'sequence', parts }
  }

  #repeated(): RegexNode {
    const isGroup = this.#sees('(')
    const body = this.#atom()
    const bounds = this.#bounds()
    if (bounds === undefined) return body
    if (!isGroup && body.kind !== 'one') throw new RegexFault('repeats an anchor')
    const isGreedy = !this.#take('?')
    if (this.#bounds() !== undefined) throw new RegexFault('repeats a repetition')
    return { kind: 'repeat', body, min: bounds[0], max: bounds[1], isGreedy }
  }

  #bounds(): readonly [number, number] | undefined {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.#take('?')) return [0, 1]
    if (!this.#sees('{')) return undefined
    const match = /^\{(\d+)(?:(,)(\d*))?\}/.exec(this.#text.slice(this.#at))
    if (match === null) throw new RegexFault('has a `{` that begins no repetition; write \\{ for the character')
    this.#at += match[0].length
    const min = Number(match[1])
    const max = match[2] === undefined ? min : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3])
    if (max < min) throw new RegexFault(`repeats from ${min} to ${max}`)
    if (min > MAX_REPEATS || (max !== Number.POSITIVE_INFINITY && max > MAX_REPEATS)) {
      throw new RegexFault(`repeats more than ${MAX_REPEATS} times`)
    }
    return [min, max]
  }

  #atom(): RegexNode {
    const character = this.#next()
    switch (character) {
      case '^':
        return { kind: 'start' }
      case '$':
        return { kind: 'end' }
      case '.':
        return { kind: 'one', ranges: without(lineEnds) }
      case '(':
        return this.#group()
      case '[':
        return { kind: 'one', ranges: this.#class() }
      case '\\':
        return this.#escapedAtom()
      case '*':
      case '+':
      case '?':
      case '{':
        throw new RegexFault(`repeats nothing with \`${character}\`; write \\${character} for the character`)
      default:
        return { kind: 'one', ranges: this.#folded(only(character.charCodeAt(0))) }
    }
  }

  #group(): RegexNode {
    let name: string | undefined
    if (this.#take('?')) {
      const match = /^<([A-Za-z_][A-Za-z0-9_]*)>/.exec(this.#text.slice(this.#at))
      if (match !== null) {
        name = match[1] as string
        this.#at += match[0].length
        if (this.#names.includes(name)) throw new RegexFault(`captures "${name}" twice`)
        this.#names.push(name)
      } else if (!this.#take(':')) throw this.#unsupportedGroup()
    }
    const body = this.#either()
    if (!this.#take(')')) throw new RegexFault('has a `(` that is not closed')
    return name === undefined ? body : { kind: 'capture', name, body }
  }

  #unsupportedGroup(): RegexFault {
    const rest = this.#text.slice(this.#at)
    if (/^(?:=|!|<=|<!)/.test(rest)) {
      return new RegexFault('looks ahead or behind, which is not supported: matching must take linear time')
    }
    if (rest.startsWith('i)')) return new RegexFault('has `(?i)` elsewhere than at its beginning')
    return new RegexFault(`has a group of an unknown kind, \`(?${rest.slice(0, 1)}\``)
  }

  #escapedAtom(): RegexNode {
    if (this.#take('b')) return { kind: 'boundary' }
    if (this.#take('B')) return { kind: 'no boundary' }
    if (/^[1-9k]/.test(this.#text.slice(this.#at))) {
      throw new RegexFault('refers back to a group, which is not supported: matching must take linear time')
    }
    const set = this.#escapedSet()
    return { kind: 'one', ranges: set ?? this.#folded(only(this.#escapedCharacter())) }
  }

  /** After a backslash: `\d` and its like, or undefined where it is a character. */
  #escapedSet(): Ranges | undefined {
    const letter = this.#text[this.#at] ?? ''
    const positive = letter.toLowerCase()
    const ranges = positive === 'd' ? digits : positive === 'w' ? wordCharacters : positive === 's' ? spaces : undefined
    if (ranges === undefined) return undefined
    this.#at++
    return letter === positive ? ranges : without(ranges)
  }

  #escapedCharacter(): number {
    if (this.#at >= this.#text.length) throw new RegexFault('ends in a backslash')
    const coded = /^(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))/.exec(this.#text.slice(this.#at))
    if (coded !== null) {
      this.#at += coded[0].length
      return Number.parseInt((coded[1] ?? coded[2]) as string, 16)
    }
    const character = this.#next()
    if (!/[A-Za-z0-9]/.test(character)) return character.charCodeAt(0)
    const control = Object.hasOwn(controls, character) ? controls[character] : undefined
    if (control === undefined || (character === '0' && /^\d/.test(this.#text.slice(this.#at)))) {
      throw new RegexFault(`has an unknown escape, \`\\${character}\``)
    }
    return control
  }

  /** After `[`. */
  #class(): Ranges {
    const isNegated = this.#take('^')
    const ranges: number[] = []
    while (!this.#take(']')) {
      if (this.#at >= this.#text.length) throw new RegexFault('has a `[` that is not closed')
      const from = this.#member()
      if (typeof from !== 'number') {
        ranges.push(...from)
        continue
      }
      let to = from
      if (this.#sees('-') && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length) {
        this.#at++
        const end = this.#member()
        if (typeof end !== 'number' || end < from) throw new RegexFault('has a range in `[…]` that is none')
        to = end
      }
      ranges.push(from, to)
    }
    const folded = this.#folded(ranges)
    return isNegated ? without(folded) : folded
  }

  #member(): number | Ranges {
    const character = this.#next()
    if (character !== '\\') return character.charCodeAt(0)
    if (this.#take('b')) return 8
    return this.#escapedSet() ?? this.#escapedCharacter()
  }

  /** With `(?i)`, the other case of each ASCII letter too. */
  #folded(ranges: Ranges): Ranges {
    if (!this.#ignoresCase) return ranges
    const both = [...ranges]
    for (let i = 0; i < ranges.length; i += 2) {
      const [from, to] = [ranges[i] as number, ranges[i + 1] as number]
      addShifted(both, Math.max(from, 0x41), Math.min(to, 0x5a), 0x20)
      addShifted(both, Math.max(from, 0x61), Math.min(to, 0x7a), -0x20)
    }
    return both
  }

  #next(): string {
    return this.#text[this.#at++] as string
  }

  #sees(character: string): boolean {
    return this.#text[this.#at] === character
  }

  #take(character: string): boolean {
    if (!this.#sees(character)) return false
    this.#at++
    return true
  }
}

function only(code: number): Ranges {
  return [code, code]
}

function addShifted(to: number[], from: number, last: number, by: number): void {
  if (from <= last) to.push(from + by, last + by)
}

/** Every character that is in none of the ranges. */
function without(ranges: Ranges): Ranges {
  const pairs: [number, number][] = []
  for (let i = 0; i < ranges.length; i += 2) pairs.push([ranges[i] as number, ranges[i + 1] as number])
  pairs.sort((a, b) => a[0] - b[0])
  const rest: number[] = []
  let next = 0
  for (const [from, to] of pairs) {
    if (from > next) rest.push(next, from - 1)
    next = Math.max(next, to + 1)
  }
  if (next <= LAST) rest.push(next, LAST)
  return rest
}
