import { BsonType } from '../bson/types.ts';
import { documentValue, elementsOf, entriesOf, valuesOf, type Value } from '../bson/value.ts';
import { arrayValue, DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { parseExpression, type Expression } from '../expression/parse.ts';

type Addition = Expression | Map<string, Addition>;

/** `$addFields`: fields take computed values in their places, new ones come behind, nested ones are merged in. */
export function parseAddFields(operand: Value): (document: Value) => Value {
  if (operand.type !== BsonType.object)
    throw new EngineError(40272, '$addFields specification stage must be an object');
  const additions = new Map<string, Addition>();
  for (const [path, value] of entriesOf(operand)) add(additions, path.split('.'), value);
  return (document) => merged(additions, document, document);
}

function add(level: Map<string, Addition>, path: readonly string[], value: Value): void {
  const [name = '', ...rest] = path;
  if (name === '' || name.startsWith('$'))
    throw new EngineError(16410, `'${path.join('.')}' is no path to add a field at`);
  const existing = level.get(name);
  const isPlainObject = value.type === BsonType.object && entriesOf(value).every(([inner]) => !inner.startsWith('$'));
  if (rest.length === 0 && !(isPlainObject && entriesOf(value).length > 0)) {
    if (existing !== undefined) throw new EngineError(40176, `Path collision at ${name}`);
    level.set(name, parseExpression(value));
    return;
  }
  if (existing !== undefined && !(existing instanceof Map)) throw new EngineError(40176, `Path collision at ${name}`);
  const nested = existing ?? new Map<string, Addition>();
  level.set(name, nested);
  if (rest.length > 0) add(nested, rest, value);
  else for (const [inner, innerValue] of entriesOf(value)) add(nested, inner.split('.'), innerValue);
}

function merged(additions: ReadonlyMap<string, Addition>, target: Value | undefined, root: Value): Value {
  if (target?.type === BsonType.array)
    return arrayValue(valuesOf(target).map((element) => merged(additions, element, root)));
  const writer = new DocumentWriter();
  const done = new Set<string>();
  if (target?.type === BsonType.object) {
    const elements = elementsOf(target);
    while (elements.next()) {
      const name = elements.name();
      const addition = additions.get(name);
      done.add(name);
      const value = addition === undefined ? elements.value() : valueFor(addition, elements.value(), root);
      if (value !== undefined) writer.value(name, value);
    }
  }
  for (const [name, addition] of additions) {
    if (done.has(name)) continue;
    const value = valueFor(addition, undefined, root);
    if (value !== undefined) writer.value(name, value);
  }
  return documentValue(writer.finish());
}

function valueFor(addition: Addition, current: Value | undefined, root: Value): Value | undefined {
  return addition instanceof Map ? merged(addition, current, root) : addition(root);
}
