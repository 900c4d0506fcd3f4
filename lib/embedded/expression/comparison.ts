import { compareValues } from '../bson/compare.ts';
import type { Value } from '../bson/value.ts';
import { BsonType } from '../bson/types.ts';
import { entriesOf, valuesOf, isNullish } from '../bson/value.ts';
import { boolValue, intValue, UNDEFINED_VALUE } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { namedArguments, withArguments, type OperatorBuilder } from './scope.ts';
import { isTruthy } from './truth.ts';

/** Across all types, a missing value below everything but MinKey. */
function compareOptional(a: Value | undefined, b: Value | undefined): number {
  return compareValues(a ?? UNDEFINED_VALUE, b ?? UNDEFINED_VALUE);
}

const comparing = (holds: (order: number) => boolean): OperatorBuilder =>
  withArguments(2, 2, ([a, b]) => boolValue(holds(compareOptional(a, b))));

const buildCond: OperatorBuilder = (operand, compile) => {
  let parts: (Value | undefined)[];
  if (operand.type === BsonType.array) parts = valuesOf(operand);
  else {
    const named = namedArguments('$cond', operand, ['if', 'then', 'else']);
    parts = [named('if'), named('then'), named('else')];
  }
  const [condition, then, otherwise] = parts.map((part) => (part === undefined ? undefined : compile(part)));
  if (parts.length !== 3 || condition === undefined || then === undefined || otherwise === undefined) {
    throw new EngineError(16020, 'Expression $cond takes exactly 3 arguments.');
  }
  return (scope) => (isTruthy(condition(scope)) ? then(scope) : otherwise(scope));
};

const buildSwitch: OperatorBuilder = (operand, compile) => {
  const named = namedArguments('$switch', operand, ['branches'], ['default']);
  const branches = valuesOf(named('branches') ?? operand).map((branch) => {
    const parts = new Map(entriesOf(branch));
    const [condition, then] = [parts.get('case'), parts.get('then')];
    if (condition === undefined || then === undefined) throw new EngineError(40067, '$switch requires case and then');
    return { condition: compile(condition), then: compile(then) };
  });
  const otherwise = named('default');
  const fallback = otherwise === undefined ? undefined : compile(otherwise);
  return (scope) => {
    for (const { condition, then } of branches) if (isTruthy(condition(scope))) return then(scope);
    if (fallback === undefined)
      throw new EngineError(40066, '$switch could not find a matching branch, and no default was specified');
    return fallback(scope);
  };
};

/** Evaluates only as many arguments as decide. */
const junction =
  (decisive: boolean): OperatorBuilder =>
  (operand, compile) => {
    const parts = (operand.type === BsonType.array ? valuesOf(operand) : [operand]).map(compile);
    return (scope) => boolValue(parts.some((part) => isTruthy(part(scope)) === decisive) === decisive);
  };

const buildIfNull: OperatorBuilder = (operand, compile) => {
  const parts = (operand.type === BsonType.array ? valuesOf(operand) : []).map(compile);
  if (parts.length < 2) throw new EngineError(1257300, '$ifNull needs at least two arguments');
  return (scope) => {
    let value: Value | undefined;
    for (const part of parts) {
      value = part(scope);
      if (!isNullish(value)) return value;
    }
    return value;
  };
};

export const COMPARISON_OPERATORS: ReadonlyMap<string, OperatorBuilder> = new Map([
  ['$eq', comparing((order) => order === 0)],
  ['$ne', comparing((order) => order !== 0)],
  ['$gt', comparing((order) => order > 0)],
  ['$gte', comparing((order) => order >= 0)],
  ['$lt', comparing((order) => order < 0)],
  ['$lte', comparing((order) => order <= 0)],
  ['$cmp', withArguments(2, 2, ([a, b]) => intValue(Math.sign(compareOptional(a, b))))],
  ['$and', junction(false)],
  ['$or', junction(true)],
  ['$not', withArguments(1, 1, ([value]) => boolValue(!isTruthy(value)))],
  ['$cond', buildCond],
  ['$switch', buildSwitch],
  ['$ifNull', buildIfNull],
]);
