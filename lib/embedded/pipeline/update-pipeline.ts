import { UnsupportedError } from '../errors/failure.ts';
import type { Value } from '../bson/value.ts';

export function parsePipelineUpdate(_pipeline: Value): (document: Value) => Value {
  throw new UnsupportedError(9, 'an update by pipeline');
}
