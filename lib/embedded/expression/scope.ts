import { BsonType } from '../bson/types.ts';
import { entriesOf, valuesOf, type Value } from '../bson/value.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';

/** What an expression is evaluated against. */
export interface Scope {
  readonly root: Value;
  readonly variables: ReadonlyMap<string, Value | undefined>;
  /** What is left of the steps that one document may take. */
  readonly steps: { left: number };
}

/** So many elements one expression may go through for one document; loops in loops would hold the thread for ever. */
const MOST_STEPS = 200_000;

export function rootScope(root: Value): Scope {
  return { root, variables: NO_VARIABLES, steps: { left: MOST_STEPS } };
}

const NO_VARIABLES: ReadonlyMap<string, Value | undefined> = new Map();

/** Undefined is a missing value. */
export type Evaluate = (scope: Scope) => Value | undefined;
export type Compile = (operand: Value) => Evaluate;
/** Builds an operator from its operand. */
export type OperatorBuilder = (operand: Value, compile: Compile) => Evaluate;

/** The scope of one step through a list. @throws UnsupportedError 168 where there are too many */
export function withVariable(scope: Scope, name: string, value: Value | undefined): Scope {
  scope.steps.left -= 1;
  if (scope.steps.left < 0) throw new UnsupportedError(168, `An expression of more than ${MOST_STEPS} steps`);
  return { ...scope, variables: new Map(scope.variables).set(name, value) };
}

/** An operator of so many arguments, given as an array, or as the one value itself. */
export function withArguments(
  least: number,
  most: number,
  run: (values: (Value | undefined)[]) => Value | undefined,
): OperatorBuilder {
  return (operand, compile) => {
    const operands = operand.type === BsonType.array ? valuesOf(operand) : [operand];
    if (operands.length < least || operands.length > most) {
      throw new EngineError(
        16020,
        `Expression takes ${least} to ${most} arguments. ${operands.length} were passed in.`,
      );
    }
    const compiled = operands.map(compile);
    return (scope) => run(compiled.map((evaluate) => evaluate(scope)));
  };
}

/** Named arguments of an operator that takes a document. @throws EngineError for missing and unknown names */
export function namedArguments(
  operator: string,
  operand: Value,
  required: readonly string[],
  optional: readonly string[] = [],
): (name: string) => Value | undefined {
  if (operand.type !== BsonType.object)
    throw new EngineError(28646, `${operator} only supports an object as its argument`);
  const given = new Map(entriesOf(operand));
  for (const name of given.keys()) {
    if (!required.includes(name) && !optional.includes(name)) {
      throw new EngineError(28647, `Unrecognized parameter to ${operator}: ${name}`);
    }
  }
  for (const name of required) {
    if (!given.has(name)) throw new EngineError(28648, `Missing '${name}' parameter to ${operator}`);
  }
  return (name) => given.get(name);
}
