import type { Collection } from '../catalog/collection.ts';
import { BsonType } from '../bson/types.ts';
import { documentValue, elementsOf, entriesOf, stringOf, valuesOf, type Value } from '../bson/value.ts';
import { DocumentWriter, NULL_VALUE } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { DistinctValues } from '../keys/distinct-values.ts';
import type { Query, QueryStream } from '../plan/query-stream.ts';
import { PAUSED, type Slice } from '../plan/slice.ts';
import type { Filter } from '../query/filter.ts';
import { inPredicate } from '../query/in-list.ts';
import { parsePath, visitPath, type Path } from '../query/paths.ts';
import { isDocument, type Joins, type StageParser } from './stage.ts';

const OPTIONS = ['from', 'localField', 'foreignField', 'as'] as const;
const MAX_JOINED_OCTETS = 16 * 1024 * 1024;

/** `$lookup` on equality: each document gets the list of those of another collection that share a value with it. */
export const parseLookup: StageParser = (operand) => {
  const { from, local, foreign, as } = parseOptions(operand);
  return (input, { joins, holding }) => {
    if (joins === undefined) throw new UnsupportedError(40324, '$lookup here');
    let current: Join | undefined;
    return (slice) => {
      if (current === undefined) {
        const document = input(slice);
        if (!isDocument(document)) return document;
        current = new Join(joins, from, document, foreignQuery(foreign, localValues(document, local)));
      }
      const before = current.octets;
      const isWhole = current.gather(slice);
      holding.add(current.octets - before);
      if (!isWhole) return PAUSED;
      const joined = current.result(as);
      holding.add(-current.octets);
      current = undefined;
      return joined;
    };
  };
};

function parseOptions(operand: Value): { from: string; local: Path; foreign: string; as: string } {
  if (operand.type !== BsonType.object) throw new EngineError(9, 'the $lookup stage specification must be an object');
  const given = new Map(entriesOf(operand));
  for (const name of given.keys()) {
    if (!OPTIONS.some((known) => known === name)) throw new UnsupportedError(40324, `Option '${name}' of $lookup`);
  }
  const [from = '', local = '', foreign = '', as = ''] = OPTIONS.map((name) => {
    const value = given.get(name);
    if (value?.type !== BsonType.string) throw new EngineError(4572, `$lookup needs a string for '${name}'`);
    return stringOf(value);
  });
  for (const path of [local, foreign, as]) {
    const isBad = path.split('.').some((name) => name === '' || name.startsWith('$'));
    if (isBad) throw new EngineError(16410, `'${path}' is no path for $lookup`);
  }
  if (as.includes('.')) throw new UnsupportedError(40324, "A dotted 'as' of $lookup");
  return { from, local: parsePath(local), foreign, as };
}

/** Each value that the path means, arrays taken apart; null where there is none. */
function localValues(document: Buffer, path: Path): readonly Value[] {
  const found = new DistinctValues();
  visitPath(documentValue(document), path, 0, false, (value) => {
    if (value?.type === BsonType.array) for (const element of valuesOf(value)) found.add(element);
    else if (value !== undefined) found.add(value);
    return false;
  });
  return found.values.length === 0 ? [NULL_VALUE] : found.values;
}

function foreignQuery(name: string, values: readonly Value[]): Query {
  const condition = { kind: 'is' as const, predicate: inPredicate(values) };
  const filter: Filter = { kind: 'field', name, path: parsePath(name), condition };
  return { filter, sort: [], skip: 0, limit: 0 };
}

/** One document with those that join it. */
class Join {
  readonly #joins: Joins;
  readonly #collection: Collection | undefined;
  readonly #document: Buffer;
  readonly #query: Query;
  readonly #stream: QueryStream | undefined;
  readonly #found: Buffer[] = [];
  /** Octets of what was found. */
  octets = 0;

  constructor(joins: Joins, from: string, document: Buffer, query: Query) {
    this.#joins = joins;
    this.#collection = joins.find(from);
    this.#document = document;
    this.#query = query;
    this.#stream = this.#collection === undefined ? undefined : joins.open(this.#collection, query);
  }

  /** @returns false where the slice ended first */
  gather(slice: Slice): boolean {
    const [collection, stream] = [this.#collection, this.#stream];
    if (collection === undefined || stream === undefined) return true;
    for (;;) {
      const next = stream.next(slice);
      if (next === PAUSED) return false;
      if (next === undefined) break;
      this.#found.push(next.octets);
      this.octets += next.octets.length;
      if (this.octets > MAX_JOINED_OCTETS) {
        throw new EngineError(
          4568,
          `what $lookup finds in ${collection.namespace} exceeds ${MAX_JOINED_OCTETS} octets`,
        );
      }
    }
    this.#joins.close(collection, this.#query, stream);
    return true;
  }

  /** The document with the list in its field. */
  result(as: string): Buffer {
    const list = new DocumentWriter(this.octets + 8 * this.#found.length + 16);
    this.#found.forEach((octets, at) => list.raw(String(at), octets));
    const array = { type: BsonType.array, octets: list.finish() };
    const writer = new DocumentWriter(this.#document.length + array.octets.length + 64);
    const elements = elementsOf(documentValue(this.#document));
    let isDone = false;
    while (elements.next()) {
      const isHere = elements.name() === as;
      isDone ||= isHere;
      if (isHere) writer.raw(as, array.octets, array.type);
      else writer.value(elements.name(), elements.value());
    }
    if (!isDone) writer.raw(as, array.octets, array.type);
    return writer.finish();
  }
}
