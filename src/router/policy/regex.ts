/**
 * Regular expressions that take time proportional to the subject, whoever wrote the expression and whoever sends the
 * subject. JavaScript's own engine can need exponential time (`(a+)+$`), which on one thread stalls every client.
 *
 * A backtracking matcher that remembers each choice it has made at each position and makes none twice: at most
 * choices × length steps (as RE2's BitState). Captures are those that backtracking finds first, as in JavaScript,
 * except that a repetition may take an empty turn.
 */
import { literalPrefix, parseRegex, RegexFault, type RegexNode, type RegexTree } from './regex-syntax.ts'

export { RegexFault } from './regex-syntax.ts'

const MAX_INSTRUCTIONS = 2000
/** A memory of choices larger than this is not kept between two matches, in 32-bit words. */
const MAX_KEPT_WORDS = 16_384

const CHARACTER = 0 // a: its code
const ONE_OF = 1 // a: index in sets
const CHOICE = 2 // a: go there; b: and there, if that fails. c: number of the choice
const JUMP = 3 // a: go there
const SAVE = 4 // a: slot for the position
const CLEAR = 5 // a: slot to forget
const START = 6
const END = 7
const BOUNDARY = 8 // a: 1 when there must be one
const MATCH = 9

interface CharacterSet {
  /** For codes below 256: 1 when it is in the set. */
  readonly low: Uint8Array
  readonly ranges: readonly number[]
}

export class Regex {
  readonly text: string
  /** Every subject that matches begins with this. */
  readonly prefix: string
  /** Names of captures, in order. */
  readonly names: readonly string[]
  readonly #program: Program
  readonly #isAnchored: boolean
  /** The character that every match begins with, or ''. */
  readonly #first: string
  readonly #saves: Int32Array
  readonly #stack: number[] = []
  #choices = new Uint32Array(64)

  /** @throws RegexFault */
  constructor(text: string) {
    const tree = parseRegex(text)
    this.text = text
    this.names = tree.names
    this.prefix = literalPrefix(tree)
    this.#program = new Program(tree)
    const [operation, operand = 0] = [this.#program.operations[0], this.#program.a[0]]
    this.#isAnchored = operation === START
    this.#first = operation === CHARACTER ? String.fromCharCode(operand) : ''
    this.#saves = new Int32Array(2 * tree.names.length)
  }

  /** Whether the expression matches somewhere in `subject`. */
  test(subject: string): boolean {
    const bits = this.#program.choices * (subject.length + 1)
    this.#forget((bits + 31) >>> 5)
    const last = this.#isAnchored ? 0 : subject.length
    for (let start = 0; start <= last; start++) {
      if (this.#first !== '') {
        start = subject.indexOf(this.#first, start)
        if (start < 0) return false
      }
      if (this.#matchesAt(subject, start)) return true
    }
    return false
  }

  /** The captures as name, value, name, value, …; a group that took no part gives ''. Undefined: no match. */
  captures(subject: string): string[] | undefined {
    this.#saves.fill(-1)
    if (!this.test(subject)) return undefined
    const found: string[] = []
    for (let i = 0; i < this.names.length; i++) {
      const from = this.#saves[2 * i] as number
      const to = this.#saves[2 * i + 1] as number
      found.push(this.names[i] as string, from < 0 || to < 0 ? '' : subject.slice(from, to))
    }
    return found
  }

  #forget(words: number): void {
    if (words > this.#choices.length || (this.#choices.length > MAX_KEPT_WORDS && words <= MAX_KEPT_WORDS)) {
      this.#choices = new Uint32Array(words)
    } else this.#choices.fill(0, 0, words)
  }

  #matchesAt(subject: string, start: number): boolean {
    const { operations, a, b, sets } = this.#program
    const stack = this.#stack
    stack.length = 0
    let at = 0
    let position = start
    for (;;) {
      let goesOn = true
      switch (operations[at]) {
        case CHARACTER:
          goesOn = subject.charCodeAt(position++) === a[at]
          at++
          break
        case ONE_OF:
          goesOn = position < subject.length && contains(sets[a[at] as number] as CharacterSet, subject, position)
          position++
          at++
          break
        case CHOICE:
          goesOn = this.#isNew(at, position)
          if (goesOn) stack.push(b[at] as number, position)
          at = a[at] as number
          break
        case JUMP:
          at = a[at] as number
          break
        case SAVE:
        case CLEAR:
          this.#save(a[at] as number, operations[at] === SAVE ? position : -1)
          at++
          break
        case MATCH:
          return true
        default:
          goesOn = holds(operations[at] as number, a[at] as number, subject, position)
          at++
      }
      while (!goesOn) {
        if (stack.length === 0) return false
        position = stack.pop() as number
        at = stack.pop() as number
        goesOn = at >= 0
        if (!goesOn) this.#saves[~at] = position
      }
    }
  }

  /** Whether this choice was not yet made at this position; from now on it was. */
  #isNew(at: number, position: number): boolean {
    const bit = position * this.#program.choices + (this.#program.c[at] as number)
    const word = bit >>> 5
    const mask = 1 << (bit & 31)
    const known = this.#choices[word] as number
    if ((known & mask) !== 0) return false
    this.#choices[word] = known | mask
    return true
  }

  #save(slot: number, position: number): void {
    this.#stack.push(~slot, this.#saves[slot] as number)
    this.#saves[slot] = position
  }
}

/** The expression or, as a string, what is wrong with it. */
export function compileRegex(text: string): Regex | string {
  try {
    return new Regex(text)
  } catch (fault) {
    if (fault instanceof RegexFault) return fault.message
    throw fault
  }
}

function contains(set: CharacterSet, subject: string, position: number): boolean {
  const code = subject.charCodeAt(position)
  return code < 256 ? set.low[code] === 1 : isWithin(set.ranges, code)
}

function isWithin(ranges: readonly number[], code: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) {
    if (code >= (ranges[i] as number) && code <= (ranges[i + 1] as number)) return true
  }
  return false
}

function holds(operation: number, wanted: number, subject: string, position: number): boolean {
  if (operation === START) return position === 0
  if (operation === END) return position === subject.length
  return (isWord(subject.charCodeAt(position - 1)) !== isWord(subject.charCodeAt(position))) === (wanted === 1)
}

function isWord(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39) || code === 0x5f
  )
}

/** The tree as instructions: parallel lists of an operation and its operands. */
class Program {
  readonly operations: number[] = []
  readonly a: number[] = []
  readonly b: number[] = []
  readonly c: number[] = []
  readonly sets: CharacterSet[] = []
  choices = 0
  readonly #names: readonly string[]

  constructor(tree: RegexTree) {
    this.#names = tree.names
    this.#emit(tree.root)
    this.#add(MATCH)
  }

  #emit(node: RegexNode): void {
    switch (node.kind) {
      case 'one':
        this.#one(node.ranges)
        break
      case 'sequence':
        for (const part of node.parts) this.#emit(part)
        break
      case 'either':
        this.#either(node.options)
        break
      case 'repeat':
        this.#repeat(node.body, node.min, node.max, node.isGreedy)
        break
      case 'capture':
        this.#add(SAVE, 2 * this.#names.indexOf(node.name))
        this.#emit(node.body)
        this.#add(SAVE, 2 * this.#names.indexOf(node.name) + 1)
        break
      case 'start':
        this.#add(START)
        break
      case 'end':
        this.#add(END)
        break
      default:
        this.#add(BOUNDARY, node.kind === 'boundary' ? 1 : 0)
    }
  }

  #one(ranges: readonly number[]): void {
    if (ranges.length === 2 && ranges[0] === ranges[1]) {
      this.#add(CHARACTER, ranges[0])
      return
    }
    const low = new Uint8Array(256)
    for (let code = 0; code < 256; code++) low[code] = isWithin(ranges, code) ? 1 : 0
    this.#add(ONE_OF, this.sets.push({ low, ranges }) - 1)
  }

  #either(options: readonly RegexNode[]): void {
    const exits: number[] = []
    for (const [i, option] of options.entries()) {
      if (i === options.length - 1) {
        this.#emit(option)
        break
      }
      const choice = this.#choice()
      this.a[choice] = this.#end
      this.#emit(option)
      exits.push(this.#add(JUMP))
      this.b[choice] = this.#end
    }
    for (const exit of exits) this.a[exit] = this.#end
  }

  #repeat(body: RegexNode, min: number, max: number, isGreedy: boolean): void {
    for (let i = 0; i < min; i++) this.#iteration(body)
    if (max === Number.POSITIVE_INFINITY) {
      const choice = this.#choice()
      this.#enter(choice, isGreedy)
      this.#iteration(body)
      this.#add(JUMP, choice)
      this.#leave(choice, isGreedy)
      return
    }
    const choices: number[] = []
    for (let i = min; i < max; i++) {
      const choice = this.#choice()
      choices.push(choice)
      this.#enter(choice, isGreedy)
      this.#iteration(body)
    }
    for (const choice of choices) this.#leave(choice, isGreedy)
  }

  /** Each turn of a repetition forgets what the turn before it captured, as in JavaScript. */
  #iteration(body: RegexNode): void {
    for (const name of namesIn(body)) {
      this.#add(CLEAR, 2 * this.#names.indexOf(name))
      this.#add(CLEAR, 2 * this.#names.indexOf(name) + 1)
    }
    this.#emit(body)
  }

  #enter(choice: number, isGreedy: boolean): void {
    if (isGreedy) this.a[choice] = this.#end
    else this.b[choice] = this.#end
  }

  #leave(choice: number, isGreedy: boolean): void {
    if (isGreedy) this.b[choice] = this.#end
    else this.a[choice] = this.#end
  }

  get #end(): number {
    return this.operations.length
  }

  #choice(): number {
    return this.#add(CHOICE, 0, 0, this.choices++)
  }

  #add(operation: number, a = 0, b = 0, c = 0): number {
    if (this.operations.length >= MAX_INSTRUCTIONS) throw new RegexFault('is too large: shorten its repetitions')
    this.a.push(a)
    this.b.push(b)
    this.c.push(c)
    return this.operations.push(operation) - 1
  }
}

function namesIn(node: RegexNode): string[] {
  switch (node.kind) {
    case 'capture':
      return [node.name, ...namesIn(node.body)]
    case 'repeat':
      return namesIn(node.body)
    case 'sequence':
      return node.parts.flatMap(namesIn)
    case 'either':
      return node.options.flatMap(namesIn)
    default:
      return []
  }
}
