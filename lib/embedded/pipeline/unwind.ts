import { BsonType } from '../bson/types.ts';
import { asBoolean } from '../query/parse.ts';
import { documentValue, elementsOf, entriesOf, isNullish, stringOf, type Value } from '../bson/value.ts';
import { longValue, NULL_VALUE } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { Editor } from '../update/editor.ts';

/** `$unwind`: one document for each element of an array, made when it is asked for. */
export function parseUnwind(operand: Value): (document: Buffer) => Iterator<Buffer> {
  let path: Value | undefined = operand;
  let indexName: string[] | undefined;
  let keepsEmpty = false;
  if (operand.type === BsonType.object) {
    path = undefined;
    for (const [name, value] of entriesOf(operand)) {
      if (name === 'path') path = value;
      else if (name === 'preserveNullAndEmptyArrays') keepsEmpty = asBoolean(value, name);
      else if (name === 'includeArrayIndex') indexName = stringOf(value).split('.');
      else throw new EngineError(28811, `unrecognized option to $unwind stage: ${name}`);
    }
  }
  if (path?.type !== BsonType.string) throw new EngineError(28808, 'expected a string as the path for $unwind stage');
  const text = stringOf(path);
  if (!text.startsWith('$') || text.length < 2)
    throw new EngineError(28818, "path option to $unwind stage should be prefixed with a '$'");
  const names = text.slice(1).split('.');
  return function* (octets) {
    const document = documentValue(octets);
    const value = new Editor(document).get(names);
    if (value?.type === BsonType.array) {
      const elements = elementsOf(value);
      let at = 0;
      for (; elements.next(); at++) yield made(document, names, elements.value(), indexName, longValue(BigInt(at)));
      if (at === 0 && keepsEmpty) yield made(document, names, undefined, indexName, NULL_VALUE);
    } else if (!isNullish(value) || keepsEmpty) yield made(document, names, value, indexName, NULL_VALUE);
  };
}

function made(
  document: Value,
  names: readonly string[],
  value: Value | undefined,
  indexName: string[] | undefined,
  index: Value,
): Buffer {
  const editor = new Editor(document);
  if (value === undefined) editor.unset(names);
  else editor.set(names, value);
  if (indexName !== undefined) editor.set(indexName, index);
  const after = editor.document();
  return after.octets.subarray(after.start, after.end);
}
