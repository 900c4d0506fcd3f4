import { numericOf, toDouble } from '../bson/number.ts';
import { BsonType, isNumeric } from '../bson/types.ts';
import { boolOf, documentValue, elementsOf, entriesOf, valuesOf, type Value } from '../bson/value.ts';
import { arrayValue, DocumentWriter } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { parseExpression, type Expression } from '../expression/parse.ts';
import { parseArrayOperator, type ArrayOperator } from './projection-operators.ts';

/** What happens to a field: kept, dropped, replaced by a computed value, or gone into. */
type Fate =
  | { readonly kind: 'keep' | 'drop' }
  | { readonly kind: 'compute'; readonly expression: Expression }
  | { readonly kind: 'array'; readonly operator: ArrayOperator }
  | { readonly kind: 'nested'; readonly fields: Map<string, Fate> };

export interface Projection {
  /** Inclusion keeps what is named, exclusion drops it. */
  readonly mode: 'inclusion' | 'exclusion';
  readonly fields: ReadonlyMap<string, Fate>;
  readonly keepsId: boolean;
}

function bad(code: number, message: string): never {
  throw new EngineError(code, message);
}

/**
 * @param forFind true for the projection of a find, which knows `$slice` and `$elemMatch` as operators of their own
 * @throws EngineError as MongoDB refuses it
 */
export function parseProjection(document: Value, forFind: boolean): Projection {
  const fields = new Map<string, Fate>();
  let mode: Projection['mode'] | undefined;
  let idFate: Fate | undefined;
  const add = (path: string, value: Value): void => {
    const fate = fateOf(value, forFind, path);
    if (fate === undefined) {
      for (const [name, inner] of entriesOf(value)) add(`${path}.${name}`, inner);
      return;
    }
    if (path === '_id' && (fate.kind === 'keep' || fate.kind === 'drop')) {
      idFate = fate;
      return;
    }
    const wants =
      fate.kind === 'drop'
        ? 'exclusion'
        : fate.kind === 'array' && fate.operator.kind === 'slice'
          ? undefined
          : 'inclusion';
    if (wants !== undefined) {
      if (mode !== undefined && mode !== wants) bad(31254, `Cannot do ${wants} on field ${path} in ${mode} projection`);
      mode = wants;
    }
    place(fields, path, fate);
  };
  for (const [path, value] of entriesOf(document)) add(path, value);
  const isOnlyId = fields.size === 0;
  const keepsId = idFate?.kind !== 'drop';
  return { mode: mode ?? (isOnlyId && idFate?.kind === 'keep' ? 'inclusion' : 'exclusion'), fields, keepsId };
}

/** Undefined for a document of further fields. */
function fateOf(value: Value, forFind: boolean, path: string): Fate | undefined {
  if (value.type === BsonType.boolean) return { kind: boolOf(value) ? 'keep' : 'drop' };
  if (isNumeric(value.type)) return { kind: toDouble(numericOf(value)) !== 0 ? 'keep' : 'drop' };
  if (value.type === BsonType.object) {
    const [first] = entriesOf(value);
    if (first === undefined)
      bad(51270, `An empty sub-projection is not a valid value. Found empty object at path ${path}`);
    if (!first[0].startsWith('$')) return undefined;
    const operator = forFind ? parseArrayOperator(first[0], first[1]) : undefined;
    if (operator !== undefined) return { kind: 'array', operator };
  }
  return { kind: 'compute', expression: parseExpression(value, 31325) };
}

function place(fields: Map<string, Fate>, path: string, fate: Fate): void {
  if (path === '' || path.split('.').some((name) => name === '')) bad(40353, `invalid projection path '${path}'`);
  const names = path.split('.');
  if (names.some((name) => name.startsWith('$'))) throw new UnsupportedError(31324, `Positional projection '${path}'`);
  let level = fields;
  for (const name of names.slice(0, -1)) {
    const existing = level.get(name);
    if (existing !== undefined && existing.kind !== 'nested') bad(31249, `Path collision at ${path}`);
    const nested = existing ?? { kind: 'nested' as const, fields: new Map<string, Fate>() };
    level.set(name, nested);
    level = nested.fields;
  }
  const last = names.at(-1) ?? '';
  if (level.has(last)) bad(31250, `Path collision at ${path}`);
  level.set(last, fate);
}

export function project(projection: Projection, octets: Buffer): Buffer {
  const document = documentValue(octets);
  const writer = new DocumentWriter(Math.min(octets.length + 16, 64 * 1024));
  writeFields(writer, projection.fields, projection.mode === 'inclusion', document, document, projection.keepsId);
  return writer.finish();
}

function writeFields(
  writer: DocumentWriter,
  fields: ReadonlyMap<string, Fate>,
  isInclusion: boolean,
  value: Value,
  root: Value,
  keepsId?: boolean,
): void {
  const elements = elementsOf(value);
  const done = new Set<string>();
  while (elements.next()) {
    const name = elements.name();
    if (keepsId !== undefined && name === '_id' && !fields.has('_id')) {
      if (keepsId) writer.value(name, elements.value());
      continue;
    }
    const fate = fields.get(name);
    if (fate === undefined) {
      if (!isInclusion) writer.value(name, elements.value());
      continue;
    }
    if (fate.kind === 'compute') continue;
    done.add(name);
    const kept = keptOf(fate, elements.value(), isInclusion, root);
    if (kept !== undefined) writer.value(name, kept);
  }
  // Computed fields come behind, in the order of the projection.
  for (const [name, fate] of fields) {
    if (done.has(name)) continue;
    const computed = computedOf(fate, root);
    if (computed !== undefined) writer.value(name, computed);
  }
}

function keptOf(fate: Fate, value: Value, isInclusion: boolean, root: Value): Value | undefined {
  switch (fate.kind) {
    case 'keep':
      return value;
    case 'drop':
    case 'compute':
      return undefined;
    case 'array':
      return fate.operator.apply(value);
    case 'nested':
      return nestedValue(fate.fields, value, isInclusion, root);
  }
}

function nestedValue(
  fields: ReadonlyMap<string, Fate>,
  value: Value,
  isInclusion: boolean,
  root: Value,
): Value | undefined {
  if (value.type === BsonType.object) {
    const writer = new DocumentWriter();
    writeFields(writer, fields, isInclusion, value, root);
    return documentValue(writer.finish());
  }
  if (value.type !== BsonType.array) {
    // A plain value has no fields to keep; what is computed makes a document of it.
    return isInclusion ? computedOf({ kind: 'nested', fields: new Map(fields) }, root) : value;
  }
  const items = valuesOf(value).flatMap((element) => {
    const kept = nestedValue(fields, element, isInclusion, root);
    return kept === undefined ? [] : [kept];
  });
  return arrayValue(items);
}

/** The value of computed fields where the document has none of its own. */
function computedOf(fate: Fate, root: Value): Value | undefined {
  if (fate.kind === 'compute') return fate.expression(root);
  if (fate.kind !== 'nested') return undefined;
  const entries = [...fate.fields].flatMap(([name, inner]) => {
    const value = computedOf(inner, root);
    return value === undefined ? [] : [[name, value] as const];
  });
  if (entries.length === 0) return undefined;
  const writer = new DocumentWriter();
  for (const [name, value] of entries) writer.value(name, value);
  return documentValue(writer.finish());
}
