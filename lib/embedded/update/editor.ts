import { positionOf } from '../query/paths.ts';
import { renderValue } from '../bson/render.ts';
import type { Value } from '../bson/value.ts';
import { NULL_VALUE } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { leaf, opened, valueOf, type Node } from './tree.ts';

/** An array may grow by at most so many nulls when a position behind its end is set, as in MongoDB. */
const LARGEST_GAP = 1_500_000;

type Parent = Extract<Node, { kind: 'object' | 'array' }>;

/** A document being edited by dotted paths without wildcards. */
export class Editor {
  #root: Node;

  constructor(document: Value) {
    this.#root = opened(leaf(document));
  }

  document(): Value {
    return valueOf(this.#root);
  }

  /** The value at a path, undefined where there is none; nothing is created. */
  get(path: readonly string[]): Value | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path) {
      node = childOf(opened(node), name);
      if (node === undefined) return undefined;
    }
    return valueOf(node);
  }

  /**
   * Puts a value at a path and creates the documents on the way.
   * @throws EngineError 28 where a value that can have no fields is in the way
   */
  set(path: readonly string[], value: Value): void {
    let parent = this.#root as Parent;
    path.slice(0, -1).forEach((name, at) => {
      const child = this.#enter(parent, name);
      if (child === undefined) {
        const created: Node = { kind: 'object', entries: [] };
        place(parent, name, created);
        parent = created;
      } else if (child.kind === 'value') {
        const below = path[at + 1] ?? '';
        throw new EngineError(28, `Cannot create field '${below}' in element {${name}: ${renderValue(child.value)}}`);
      } else parent = child;
    });
    place(parent, path.at(-1) ?? '', leaf(value));
  }

  /** Takes a value away; in an array null stays in its place. A path that leads nowhere is left alone. */
  unset(path: readonly string[]): void {
    let parent = this.#root as Parent;
    for (const name of path.slice(0, -1)) {
      const child = this.#enter(parent, name);
      if (child === undefined || child.kind === 'value') return;
      parent = child;
    }
    const last = path.at(-1) ?? '';
    if (parent.kind === 'array') {
      const position = positionOf(last);
      if (position >= 0 && position < parent.items.length) parent.items[position] = leaf(NULL_VALUE);
      return;
    }
    const at = parent.entries.findIndex(({ name }) => name === last);
    if (at >= 0) parent.entries.splice(at, 1);
  }

  /** The child, taken apart in its place. */
  #enter(parent: Parent, name: string): Node | undefined {
    const child = childOf(parent, name);
    if (child === undefined) return undefined;
    const open = opened(child);
    if (open !== child) place(parent, name, open);
    return open;
  }
}

function childOf(parent: Node, name: string): Node | undefined {
  if (parent.kind === 'object') return parent.entries.find((entry) => entry.name === name)?.node;
  if (parent.kind !== 'array') return undefined;
  const position = positionOf(name);
  return position < 0 ? undefined : parent.items[position];
}

function place(parent: Parent, name: string, node: Node): void {
  if (parent.kind === 'object') {
    const entry = parent.entries.find((existing) => existing.name === name);
    if (entry === undefined) parent.entries.push({ name, node });
    else entry.node = node;
    return;
  }
  const position = positionOf(name);
  if (position < 0) throw new EngineError(28, `Cannot create field '${name}' in an array`);
  if (position - parent.items.length > LARGEST_GAP)
    throw new EngineError(2, 'the position lies too far behind the array');
  while (parent.items.length < position) parent.items.push(leaf(NULL_VALUE));
  parent.items[position] = node;
}
