import { BsonType } from '../bson/types.ts';
import { entriesOf, fieldOf, stringOf, valuesOf, type Value } from '../bson/value.ts';
import { arrayValue, NULL_VALUE, objectValue } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { ARITHMETIC_OPERATORS } from './arithmetic.ts';
import { ARRAY_OPERATORS } from './arrays.ts';
import { COMPARISON_OPERATORS } from './comparison.ts';
import { OBJECT_OPERATORS } from './objects.ts';
import { rootScope, type Compile, type Evaluate, type OperatorBuilder, type Scope } from './scope.ts';
import { STRING_OPERATORS } from './strings.ts';

const MAX_DEPTH = 100;

/** An expression, ready to be evaluated; undefined is a missing value. */
export type Expression = (document: Value) => Value | undefined;

const OPERATORS: ReadonlyMap<string, OperatorBuilder> = new Map([
  ...COMPARISON_OPERATORS,
  ...ARITHMETIC_OPERATORS,
  ...ARRAY_OPERATORS,
  ...STRING_OPERATORS,
  ...OBJECT_OPERATORS,
]);

/** Every operator that an expression may hold, for the check that the product uses no other. */
export const EXPRESSION_OPERATORS: ReadonlySet<string> = new Set(OPERATORS.keys());

/**
 * @param unknownCode MongoDB's code for an unknown operator, which depends on where the expression stands
 * @throws EngineError, UnsupportedError
 */
export function parseExpression(value: Value, unknownCode = 168): Expression {
  const evaluate = compile(value, unknownCode, 0);
  return (document) => evaluate(rootScope(document));
}

function compile(value: Value, unknownCode: number, depth: number): Evaluate {
  if (depth > MAX_DEPTH) throw new EngineError(15, 'the expression nests too deeply');
  const inner: Compile = (operand) => compile(operand, unknownCode, depth + 1);
  switch (value.type) {
    case BsonType.string:
      return compileText(value);
    case BsonType.array: {
      const elements = valuesOf(value).map(inner);
      return (scope) => arrayValue(elements.map((element) => element(scope) ?? NULL_VALUE));
    }
    case BsonType.object:
      return compileObject(value, inner, unknownCode);
    default:
      return () => value;
  }
}

function compileObject(value: Value, inner: Compile, unknownCode: number): Evaluate {
  const entries = entriesOf(value);
  const [first] = entries;
  if (first?.[0].startsWith('$') === true) {
    const [name, operand] = first;
    if (entries.length > 1) {
      throw new EngineError(15983, 'An object representing an expression must have exactly one field');
    }
    const build = OPERATORS.get(name);
    if (build === undefined) throw new UnsupportedError(unknownCode, `Expression ${name}`);
    return build(operand, inner);
  }
  const fields = entries.map(([name, field]) => {
    if (name.startsWith('$') || name.includes('.'))
      throw new EngineError(16410, `'${name}' is no name for a field of an object expression`);
    return [name, inner(field)] as const;
  });
  return (scope) =>
    objectValue(
      fields.flatMap(([name, evaluate]) => {
        const result = evaluate(scope);
        return result === undefined ? [] : [[name, result] as const];
      }),
    );
}

/** Plain text, a field path such as `$a.b`, or a variable such as `$$this.b`. */
function compileText(value: Value): Evaluate {
  const text = stringOf(value);
  if (!text.startsWith('$')) return () => value;
  if (!text.startsWith('$$')) return fieldPath(text.slice(1), (scope) => scope.root);
  const [name = '', ...rest] = text.slice(2).split('.');
  const start = variable(name);
  return rest.length === 0 ? start : fieldPath(rest.join('.'), start);
}

function variable(name: string): (scope: Scope) => Value | undefined {
  switch (name) {
    case 'ROOT':
    case 'CURRENT':
      return (scope) => scope.root;
    case 'REMOVE':
      return () => undefined;
    default:
      if (/^[A-Z]/.test(name)) throw new UnsupportedError(17276, `Variable $$${name}`);
      return (scope) => {
        if (!scope.variables.has(name)) throw new EngineError(17276, `Use of undefined variable: ${name}`);
        return scope.variables.get(name);
      };
  }
}

function fieldPath(text: string, start: (scope: Scope) => Value | undefined): Evaluate {
  const names = text.split('.');
  if (names.includes('')) throw new EngineError(40353, `FieldPath '${text}' must not be empty or have empty parts`);
  if (names.some((name) => name.startsWith('$')))
    throw new EngineError(16410, `FieldPath field names may not start with '$': ${text}`);
  const octets = names.map((name) => Buffer.from(name));
  return (scope) => follow(start(scope), octets, 0);
}

/** Arrays on the way give an array of what their documents have; other values on the way give nothing. */
function follow(value: Value | undefined, names: readonly Buffer[], at: number): Value | undefined {
  const name = names[at];
  if (name === undefined || value === undefined) return value;
  if (value.type === BsonType.object) return follow(fieldOf(value, name), names, at + 1);
  if (value.type !== BsonType.array) return undefined;
  const found = valuesOf(value).flatMap((element) => {
    const inner =
      element.type === BsonType.object || element.type === BsonType.array ? follow(element, names, at) : undefined;
    return inner === undefined ? [] : [inner];
  });
  return arrayValue(found);
}
