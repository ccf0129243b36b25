/**
 * Which routes can match a path at all: a radix tree over the literal beginnings of their patterns. Each node lists, in
 * order, the routes whose beginning lies on the way to it, so the deepest node that a path reaches has them all.
 */

export interface Ordered {
  readonly order: number
  /** What every path of it begins with. */
  readonly prefix: string
}

interface Node<R> {
  label: string
  readonly children: Map<number, Node<R>>
  candidates: readonly R[]
}

export class PrefixTree<R extends Ordered> {
  readonly #root: Node<R> = { label: '', children: new Map(), candidates: [] }

  constructor(routes: readonly R[]) {
    for (const route of routes) {
      const node = this.#place(route.prefix)
      node.candidates = [...node.candidates, route]
    }
    inherit(this.#root, [])
  }

  /** In order. Each may still refuse the path. */
  candidates(path: string): readonly R[] {
    let node = this.#root
    let at = 0
    while (at < path.length) {
      const child = node.children.get(path.charCodeAt(at))
      if (child === undefined || !path.startsWith(child.label, at)) break
      at += child.label.length
      node = child
    }
    return node.candidates
  }

  #place(prefix: string): Node<R> {
    let node = this.#root
    let rest = prefix
    while (rest !== '') {
      const child = node.children.get(rest.charCodeAt(0))
      if (child === undefined) {
        const leaf: Node<R> = { label: rest, children: new Map(), candidates: [] }
        node.children.set(rest.charCodeAt(0), leaf)
        return leaf
      }
      const shared = sharedLength(rest, child.label)
      if (shared < child.label.length) node.children.set(rest.charCodeAt(0), split(child, shared))
      node = node.children.get(rest.charCodeAt(0)) as Node<R>
      rest = rest.slice(shared)
    }
    return node
  }
}

/** A node for the first `length` characters of the label, with what was there below it. */
function split<R>(node: Node<R>, length: number): Node<R> {
  const upper: Node<R> = { label: node.label.slice(0, length), children: new Map(), candidates: [] }
  node.label = node.label.slice(length)
  upper.children.set(node.label.charCodeAt(0), node)
  return upper
}

function sharedLength(a: string, b: string): number {
  let length = 0
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++
  return length
}

function inherit<R extends Ordered>(node: Node<R>, above: readonly R[]): void {
  node.candidates =
    node.candidates.length === 0 ? above : [...above, ...node.candidates].sort((a, b) => a.order - b.order)
  for (const child of node.children.values()) inherit(child, node.candidates)
}
