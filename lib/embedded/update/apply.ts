import { equalValues } from '../bson/compare.ts';
import { BsonType } from '../bson/types.ts';
import { documentValue, entriesOf, fieldNamed, rawOctets, valuesOf, type Value } from '../bson/value.ts';
import { DocumentWriter, objectValue } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { matches } from '../query/match.ts';
import type { Filter } from '../query/filter.ts';
import { Editor } from './editor.ts';
import { UNCHANGED } from './operators.ts';
import { upsertBase, type ArrayFilters, type Operation, type OperatorUpdate, type Renaming } from './parse.ts';

/** A parsed update: from a document to what it becomes. */
export type Update =
  | OperatorUpdate
  | { readonly kind: 'replacement'; readonly document: Value }
  | { readonly kind: 'pipeline'; readonly run: (document: Value) => Value };

/**
 * A document after an update, its `_id` unchanged and in front.
 *
 * @param position the array element that the query matched, for the positional `$`
 * @throws EngineError as MongoDB refuses it, 66 where `_id` would change
 */
export function applyUpdate(update: Update, document: Value, position: number | undefined): Buffer {
  switch (update.kind) {
    case 'operators': {
      const operations = update.operations.filter((one) => 'from' in one || one.operator !== '$setOnInsert');
      return withSameId(document, applyOperators(update, operations, document, position));
    }
    case 'replacement':
      return withSameId(document, withId(update.document, fieldNamed(document, '_id')));
    case 'pipeline': {
      const after = update.run(document);
      return withSameId(document, withId(after, fieldNamed(document, '_id')));
    }
  }
}

/**
 * The document that an upsert inserts.
 * @param newId makes an `_id` where neither filter nor update gives one
 */
export function applyUpsert(update: Update, filter: Filter, newId: () => Value): Buffer {
  const base = baseOf(filter, update.kind === 'replacement');
  let document: Value;
  if (update.kind === 'operators') document = applyOperators(update, update.operations, base, undefined);
  else if (update.kind === 'replacement') document = withId(update.document, fieldNamed(base, '_id'));
  else document = update.run(base);
  const wanted = fieldNamed(base, '_id');
  const id = fieldNamed(document, '_id');
  if (wanted !== undefined && id !== undefined && !equalValues(wanted, id)) refuseId();
  return rawOctets(withId(document, id ?? newId()));
}

/** The filter's equalities, dotted paths made documents. */
function baseOf(filter: Filter, isReplacement: boolean): Value {
  const editor = new Editor(objectValue([]));
  for (const [path, value] of entriesOf(upsertBase(filter))) {
    if (!isReplacement || path === '_id' || path.startsWith('_id.')) editor.set(path.split('.'), value);
  }
  return editor.document();
}

function refuseId(): never {
  throw new EngineError(66, "Performing an update on the path '_id' would modify the immutable field '_id'");
}

function withSameId(before: Value, after: Value): Buffer {
  const [old, id] = [fieldNamed(before, '_id'), fieldNamed(after, '_id')];
  if (old === undefined || id === undefined || !equalValues(old, id)) refuseId();
  return rawOctets(after);
}

/** The document with this `_id`, unless it has one, in front. */
function withId(document: Value, id: Value | undefined): Value {
  const own = fieldNamed(document, '_id') ?? id;
  if (own === undefined) return document;
  const writer = new DocumentWriter(document.end - document.start + 64);
  writer.value('_id', own);
  for (const [name, value] of entriesOf(document)) if (name !== '_id') writer.value(name, value);
  return documentValue(writer.finish());
}

function applyOperators(
  update: OperatorUpdate,
  operations: readonly (Operation | Renaming)[],
  document: Value,
  position: number | undefined,
): Value {
  const editor = new Editor(document);
  for (const step of operations) {
    if ('from' in step) {
      const value = editor.get(step.from);
      if (value === undefined) continue;
      editor.unset(step.from);
      editor.set(step.path, value);
      continue;
    }
    const { path, change } = step;
    for (const concrete of concretePaths(editor, path, position, update.arrayFilters)) {
      const current = editor.get(concrete);
      const next = change(current);
      if (next === UNCHANGED) continue;
      if (next !== undefined) editor.set(concrete, next);
      else if (current !== undefined) editor.unset(concrete);
    }
  }
  return editor.document();
}

/** The paths that one with `$`, `$[]` or `$[name]` in it stands for in this document. */
function concretePaths(
  editor: Editor,
  path: readonly string[],
  position: number | undefined,
  filters: ArrayFilters,
): readonly (readonly string[])[] {
  if (!path.some((name) => name.startsWith('$'))) return [path];
  let concrete: string[][] = [[]];
  for (const name of path) {
    const identifier = /^\$\[(.*)\]$/.exec(name)?.[1];
    if (name === '$') {
      if (position === undefined) {
        throw new EngineError(2, 'The positional operator did not find the match needed from the query.');
      }
      for (const prefix of concrete) prefix.push(String(position));
    } else if (identifier === undefined) for (const prefix of concrete) prefix.push(name);
    else concrete = concrete.flatMap((prefix) => elementPaths(editor, prefix, identifier, filters));
  }
  return concrete;
}

function elementPaths(
  editor: Editor,
  prefix: readonly string[],
  identifier: string,
  filters: ArrayFilters,
): string[][] {
  const array = editor.get(prefix);
  if (array === undefined) {
    throw new EngineError(
      2,
      `The path '${prefix.join('.')}' must exist in the document in order to apply array updates.`,
    );
  }
  if (array.type !== BsonType.array) {
    throw new EngineError(2, `Cannot apply array updates to non-array element ${prefix.join('.')}`);
  }
  const filter = filters.get(identifier);
  return valuesOf(array).flatMap((element, at) =>
    filter === undefined || matches(filter, objectValue([[identifier, element]])) ? [[...prefix, String(at)]] : [],
  );
}
