import { equalValues } from '../bson/compare.ts';
import type { Value } from '../bson/value.ts';
import { UnsupportedError } from '../errors/failure.ts';
import { encodeKey } from './encode.ts';

/** Values that differ, in the order they came; a value is looked up among any number of them at once. */
export class DistinctValues {
  readonly values: Value[] = [];
  readonly #byKey = new Map<string, Value[]>();

  /** @returns whether the value is new */
  add(value: Value): boolean {
    const key = textOf(value);
    const alike = this.#byKey.get(key);
    if (alike?.some((one) => equalValues(one, value)) === true) return false;
    this.values.push(value);
    if (alike === undefined) this.#byKey.set(key, [value]);
    else alike.push(value);
    return true;
  }

  has(value: Value): boolean {
    return this.#byKey.get(textOf(value))?.some((one) => equalValues(one, value)) === true;
  }
}

/** Equal values have equal texts; all that have no key, for a decimal in them that equals nothing else, share one. */
function textOf(value: Value): string {
  try {
    return encodeKey([value]).toString('latin1');
  } catch (error) {
    if (error instanceof UnsupportedError) return '';
    throw error;
  }
}
