import { compareValues, equalValues } from '../bson/compare.ts';
import { numericOf, toDouble } from '../bson/number.ts';
import { BsonType, isNumeric, typeName } from '../bson/types.ts';
import { isNullish, stringOf, valuesOf, type Value } from '../bson/value.ts';
import { arrayValue, boolValue, intValue, NULL_VALUE } from '../bson/write.ts';
import { DistinctValues } from '../keys/distinct-values.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import {
  namedArguments,
  withArguments,
  withVariable,
  type Evaluate,
  type OperatorBuilder,
  type Scope,
} from './scope.ts';
import { isTruthy } from './truth.ts';

function items(operator: string, value: Value | undefined, code: number): Value[] {
  if (value?.type === BsonType.array) return valuesOf(value);
  const found = value === undefined ? 'missing' : typeName(value.type);
  throw new EngineError(code, `${operator} needs an array, but was passed: ${found}`);
}

function whole(operator: string, value: Value | undefined): number {
  const number = value !== undefined && isNumeric(value.type) ? toDouble(numericOf(value)) : NaN;
  if (!Number.isInteger(number)) throw new EngineError(28690, `${operator} takes whole numbers`);
  return number;
}

/** An operator with an input array and a variable for each of its elements. */
function overElements(
  operator: string,
  part: string,
  code: number,
  run: (elements: readonly Value[], evaluate: (element: Value) => Value | undefined) => Value,
): OperatorBuilder {
  return (operand, compile) => {
    const named = namedArguments(operator, operand, ['input', part], ['as']);
    const input = compile(named('input') ?? operand);
    const body = compile(named(part) ?? operand);
    const as = named('as');
    const name = as === undefined ? 'this' : stringOf(as);
    return (scope) => {
      const value = input(scope);
      if (isNullish(value)) return NULL_VALUE;
      return run(items(operator, value, code), (element) => body(withVariable(scope, name, element)));
    };
  };
}

const buildReduce: OperatorBuilder = (operand, compile) => {
  const named = namedArguments('$reduce', operand, ['input', 'initialValue', 'in']);
  const [input, initial, body] = ['input', 'initialValue', 'in'].map((name) => compile(named(name) ?? operand)) as [
    Evaluate,
    Evaluate,
    Evaluate,
  ];
  return (scope) => {
    const value = input(scope);
    if (isNullish(value)) return NULL_VALUE;
    let result = initial(scope);
    for (const element of items('$reduce', value, 40080)) {
      result = body(withVariable(withVariable(scope, 'value', result), 'this', element));
    }
    return result;
  };
};

const slice = withArguments(2, 3, ([array, first, second]) => {
  if (isNullish(array) || isNullish(first)) return NULL_VALUE;
  const values = items('$slice', array, 28724);
  const from = whole('$slice', first);
  if (second === undefined) return arrayValue(from >= 0 ? values.slice(0, from) : values.slice(from));
  const count = whole('$slice', second);
  if (count <= 0) throw new EngineError(28729, 'Third argument to $slice must be positive');
  const start = from >= 0 ? from : Math.max(0, values.length + from);
  return arrayValue(values.slice(start, start + count));
});

const elementAt = withArguments(2, 2, ([array, position]) => {
  if (isNullish(array) || isNullish(position)) return NULL_VALUE;
  return items('$arrayElemAt', array, 28689).at(whole('$arrayElemAt', position));
});

const buildSortArray: OperatorBuilder = (operand, compile) => {
  const named = namedArguments('$sortArray', operand, ['input', 'sortBy']);
  const input = compile(named('input') ?? operand);
  const by = named('sortBy') ?? operand;
  if (!isNumeric(by.type)) throw new UnsupportedError(168, '$sortArray by fields');
  const direction = toDouble(numericOf(by));
  if (direction !== 1 && direction !== -1) throw new EngineError(2942504, 'sortBy must be 1 or -1');
  return (scope: Scope) => {
    const value = input(scope);
    if (isNullish(value)) return NULL_VALUE;
    return arrayValue(items('$sortArray', value, 2942504).sort((a, b) => compareValues(a, b) * direction));
  };
};

export const ARRAY_OPERATORS: ReadonlyMap<string, OperatorBuilder> = new Map([
  ['$isArray', withArguments(1, 1, ([value]) => boolValue(value?.type === BsonType.array))],
  ['$size', withArguments(1, 1, ([value]) => intValue(items('$size', value, 17124).length))],
  [
    '$in',
    withArguments(2, 2, ([wanted, array]) =>
      boolValue(wanted !== undefined && items('$in', array, 40081).some((element) => equalValues(element, wanted))),
    ),
  ],
  [
    '$concatArrays',
    withArguments(0, Infinity, (arrays) =>
      arrays.some(isNullish) ? NULL_VALUE : arrayValue(arrays.flatMap((array) => items('$concatArrays', array, 28664))),
    ),
  ],
  [
    '$setUnion',
    withArguments(0, Infinity, (arrays) => {
      if (arrays.some(isNullish)) return NULL_VALUE;
      const found = new DistinctValues();
      for (const array of arrays) for (const element of items('$setUnion', array, 17043)) found.add(element);
      return arrayValue(found.values.sort(compareValues));
    }),
  ],
  ['$slice', slice],
  ['$arrayElemAt', elementAt],
  ['$first', withArguments(1, 1, ([array]) => (isNullish(array) ? NULL_VALUE : items('$first', array, 28689).at(0)))],
  ['$last', withArguments(1, 1, ([array]) => (isNullish(array) ? NULL_VALUE : items('$last', array, 28689).at(-1)))],
  [
    '$map',
    overElements('$map', 'in', 16883, (elements, evaluate) =>
      arrayValue(elements.map((element) => evaluate(element) ?? NULL_VALUE)),
    ),
  ],
  [
    '$filter',
    overElements('$filter', 'cond', 28651, (elements, evaluate) =>
      arrayValue(elements.filter((element) => isTruthy(evaluate(element)))),
    ),
  ],
  ['$reduce', buildReduce],
  ['$sortArray', buildSortArray],
]);
