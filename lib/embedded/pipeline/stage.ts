import { EngineError } from '../errors/failure.ts';
import { numericOf, toDouble } from '../bson/number.ts';
import { isNumeric } from '../bson/types.ts';
import type { Value } from '../bson/value.ts';
import type { Collection } from '../catalog/collection.ts';
import type { Holding } from '../plan/memory.ts';
import type { Query, QueryStream } from '../plan/query-stream.ts';
import { PAUSED, type Paused, type Slice } from '../plan/slice.ts';

/** What flows between stages may be a little larger than what is stored. */
const LARGEST_DOCUMENT = 16 * 1024 * 1024 + 16 * 1024;

/** Gives documents one by one. */
export type Next = (slice: Slice) => Buffer | undefined | Paused;
/** A stage: from what comes in to what goes out. */
export type Stage = (input: Next, workplace: Workplace) => Next;
export type StageParser = (operand: Value) => Stage;

/** How a pipeline reads other collections of its database. */
export interface Joins {
  /** Undefined for a collection that does not exist, and so has no documents. */
  find(name: string): Collection | undefined;
  open(collection: Collection, query: Query): QueryStream;
  /** To be called when a stream has come to its end. @throws EngineError where it had to read too much */
  close(collection: Collection, query: Query, stream: QueryStream): void;
}

/** What the stages of one running pipeline share. */
export interface Workplace {
  /** What they hold of documents. */
  readonly holding: Holding;
  /** Other collections; undefined where a pipeline may read none. */
  readonly joins: Joins | undefined;
}

/** True for a document, as against the end and a pause. */
export function isDocument(next: Buffer | undefined | Paused): next is Buffer {
  return next !== undefined && next !== PAUSED;
}

/** A stage that makes one document of each. */
export function mapping(change: (document: Buffer) => Buffer): Stage {
  return (input) => (slice) => {
    const next = input(slice);
    if (!isDocument(next)) return next;
    const changed = change(next);
    if (changed.length <= LARGEST_DOCUMENT) return changed;
    throw new EngineError(10334, `BSONObj size: ${changed.length} is invalid`);
  };
}

/** What takes everything in before it gives anything out. */
export interface Gatherer {
  add(document: Buffer): void;
  /** The next result, once all is in. */
  next(): Buffer | undefined;
}

export function gathering(create: (workplace: Workplace) => Gatherer): Stage {
  return (input, workplace) => {
    const gatherer = create(workplace);
    let isWhole = false;
    return (slice) => {
      while (!isWhole) {
        const next = input(slice);
        if (next === PAUSED) return PAUSED;
        if (next === undefined) isWhole = true;
        else gatherer.add(next);
      }
      return slice.isOver(0) ? PAUSED : gatherer.next();
    };
  };
}

/** Gives what an iterator gives. */
export function fromIterator(create: () => Iterator<Buffer, undefined>): () => Buffer | undefined {
  let iterator: Iterator<Buffer, undefined> | undefined;
  return () => {
    iterator ??= create();
    return iterator.next().value;
  };
}

/** @throws EngineError 5107201 for what is no whole number of at least `least` */
export function wholeNumber(operand: Value, name: string, least: number): number {
  const number = isNumeric(operand.type) ? toDouble(numericOf(operand)) : NaN;
  if (!Number.isInteger(number) || number < least)
    throw new EngineError(5107201, `${name} takes a whole number of at least ${least}`);
  return number;
}
