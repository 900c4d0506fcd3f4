import { BsonType } from '../bson/types.ts';
import { entriesOf, valuesOf, type Value } from '../bson/value.ts';
import { arrayValue, objectValue } from '../bson/write.ts';

/**
 * A document under change. Only what lies on a changed path is taken apart; the rest stays the octets that it was,
 * so that no number changes its type and no field its place.
 */
export type Node =
  | { kind: 'value'; value: Value }
  | { kind: 'object'; entries: { name: string; node: Node }[] }
  | { kind: 'array'; items: Node[] };

export function leaf(value: Value): Node {
  return { kind: 'value', value };
}

/** Takes a document or array apart by one level; other values stay. */
export function opened(node: Node): Node {
  if (node.kind !== 'value') return node;
  const { value } = node;
  if (value.type === BsonType.object) {
    return { kind: 'object', entries: entriesOf(value).map(([name, inner]) => ({ name, node: leaf(inner) })) };
  }
  if (value.type === BsonType.array) return { kind: 'array', items: valuesOf(value).map(leaf) };
  return node;
}

export function valueOf(node: Node): Value {
  switch (node.kind) {
    case 'value':
      return node.value;
    case 'object':
      return objectValue(node.entries.map(({ name, node: inner }) => [name, valueOf(inner)] as const));
    case 'array':
      return arrayValue(node.items.map(valueOf));
  }
}
