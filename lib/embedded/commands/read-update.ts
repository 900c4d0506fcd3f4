import { BsonType } from '../bson/types.ts';
import type { Value } from '../bson/value.ts';
import { EngineError } from '../errors/failure.ts';
import { parsePipelineUpdate } from '../pipeline/stages.ts';
import { elementsOf } from '../bson/value.ts';
import { isOperatorUpdate, parseOperatorUpdate } from '../update/parse.ts';
import type { Update } from '../update/apply.ts';

/** What a client gives as an update: operators, a replacement or a pipeline. @throws EngineError */
export function readUpdate(given: Value | undefined, arrayFilters: Value | undefined, now: number): Update {
  if (given?.type === BsonType.array) {
    if (arrayFilters !== undefined) throw new EngineError(9, 'Cannot specify arrayFilters with a pipeline update');
    return { kind: 'pipeline', run: parsePipelineUpdate(given) };
  }
  if (given?.type !== BsonType.object) throw new EngineError(9, 'Update argument must be either an object or an array');
  if (isOperatorUpdate(given)) return parseOperatorUpdate(given, arrayFilters, { now });
  const elements = elementsOf(given);
  while (elements.next()) {
    if (elements.octets[elements.nameStart] !== 0x24) continue;
    throw new EngineError(
      52,
      `The dollar ($) prefixed field '${elements.name()}' is not allowed in a replacement document`,
    );
  }
  return { kind: 'replacement', document: given };
}
