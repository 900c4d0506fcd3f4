import { calculateFreely, averageOf, extremeOf } from '../expression/arithmetic.ts';
import { equalValues } from '../bson/compare.ts';
import { BsonType, isNumeric } from '../bson/types.ts';
import { entriesOf, isEmptyDocument, type Value } from '../bson/value.ts';
import { arrayValue, DocumentWriter, intValue, NULL_VALUE } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { parseExpression, type Expression } from '../expression/parse.ts';
import { encodeKey } from '../keys/encode.ts';
import { DistinctValues } from '../keys/distinct-values.ts';
import type { Holding } from '../plan/memory.ts';

const MAX_OCTETS = 64 * 1024 * 1024;

/** Gathers the values of one group for one field. */
interface Accumulator {
  add(value: Value | undefined): void;
  result(): Value | undefined;
}

const ZERO = intValue(0);
const ONE = intValue(1);

function gathering(result: (values: (Value | undefined)[]) => Value): () => Accumulator {
  return () => {
    const values: (Value | undefined)[] = [];
    return { add: (value) => values.push(value), result: () => result(values) };
  };
}

function folding(
  start: Value | undefined,
  fold: (so: Value | undefined, value: Value | undefined) => Value | undefined,
): () => Accumulator {
  return () => {
    let state = start;
    return { add: (value) => (state = fold(state, value)), result: () => state };
  };
}

const ACCUMULATORS: ReadonlyMap<string, () => Accumulator> = new Map<string, () => Accumulator>([
  [
    '$sum',
    folding(ZERO, (sum, value) =>
      value !== undefined && isNumeric(value.type) ? calculateFreely('add', sum ?? ZERO, value) : sum,
    ),
  ],
  ['$avg', gathering(averageOf)],
  ['$min', folding(undefined, (so, value) => extremeOf([so, value], -1))],
  ['$max', folding(undefined, (so, value) => extremeOf([so, value], 1))],
  ['$last', folding(undefined, (_so, value) => value ?? NULL_VALUE)],
  ['$push', gathering((values) => arrayValue(values.filter((value) => value !== undefined)))],
  [
    '$first',
    () => {
      let first: Value | undefined;
      return { add: (value) => (first ??= value ?? NULL_VALUE), result: () => first };
    },
  ],
  [
    '$addToSet',
    () => {
      const found = new DistinctValues();
      return {
        add: (value) => {
          if (value !== undefined) found.add(value);
        },
        result: () => arrayValue(found.values),
      };
    },
  ],
]);

export const ACCUMULATOR_NAMES: ReadonlySet<string> = new Set([...ACCUMULATORS.keys(), '$count']);

interface Field {
  readonly name: string;
  readonly expression: Expression;
  readonly create: () => Accumulator;
}

export interface Grouping {
  readonly id: Expression;
  readonly fields: readonly Field[];
  /** The name of the only field, where that counts documents of one group: `{ _id: constant, n: { $sum: 1 } }`. */
  readonly countsInto: { readonly name: string; readonly id: Value } | undefined;
}

export function parseGroup(operand: Value): Grouping {
  if (operand.type !== BsonType.object) throw new EngineError(15947, "a group's fields must be specified in an object");
  let id: Value | undefined;
  const fields: Field[] = [];
  let counts: string | undefined;
  for (const [name, value] of entriesOf(operand)) {
    if (name === '_id') {
      id = value;
      continue;
    }
    if (name.includes('.')) throw new EngineError(40235, `The field name '${name}' cannot contain '.'`);
    const [only, ...more] = value.type === BsonType.object ? entriesOf(value) : [];
    if (only === undefined || more.length > 0)
      throw new EngineError(40234, `The field '${name}' must be an accumulator object`);
    const [operator, argument] = only;
    const isCount = operator === '$count';
    if (isCount && !isEmptyDocument(argument)) throw new EngineError(40238, '$count takes no arguments');
    const create = ACCUMULATORS.get(isCount ? '$sum' : operator);
    if (create === undefined) throw new UnsupportedError(15952, `Group operator '${operator}'`);
    fields.push({ name, expression: isCount ? () => ONE : parseExpression(argument), create });
    const isOne = isCount || (operator === '$sum' && argument.type === BsonType.int && equalValues(argument, ONE));
    if (isOne) counts = name;
  }
  if (id === undefined) throw new EngineError(15955, 'a group specification must include an _id');
  const isConstant = id.type === BsonType.null || isNumeric(id.type);
  const countsInto = isConstant && fields.length === 1 && counts !== undefined ? { name: counts, id } : undefined;
  return { id: parseExpression(id), fields, countsInto };
}

/** Collects all documents before it gives the first group. */
export class Groups {
  readonly #grouping: Grouping;
  readonly #groups = new Map<string, { readonly id: Value; readonly accumulators: readonly Accumulator[] }>();
  readonly #holding: Holding;
  #octets = 0;

  constructor(grouping: Grouping, holding: Holding) {
    this.#grouping = grouping;
    this.#holding = holding;
  }

  /** @throws EngineError 292 where the groups hold too much */
  add(document: Value): void {
    const before = this.#octets;
    const id = this.#grouping.id(document) ?? NULL_VALUE;
    // Which of two equal numbers of different types names the group is not defined: decimals are left out.
    if (id.type === BsonType.decimal) throw new UnsupportedError(2, 'Grouping by a Decimal128');
    const key = encodeKey([id]).toString('latin1');
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { id, accumulators: this.#grouping.fields.map(({ create }) => create()) };
      this.#groups.set(key, group);
      this.#octets += key.length + 200;
    }
    for (const [at, { expression }] of this.#grouping.fields.entries()) {
      const value = expression(document);
      // Bounds what $push and $addToSet keep; others keep less than this counts.
      if (value !== undefined && value !== ONE) this.#octets += value.end - value.start;
      group.accumulators[at]?.add(value);
    }
    if (this.#octets > MAX_OCTETS) throw new EngineError(292, `$group exceeded memory limit of ${MAX_OCTETS} octets`);
    this.#holding.add(this.#octets - before);
  }

  /** The groups, each made when it is asked for. */
  *documents(): Generator<Buffer, undefined> {
    for (const { id, accumulators } of this.#groups.values()) {
      const writer = new DocumentWriter().value('_id', id);
      this.#grouping.fields.forEach(({ name }, at) => {
        writer.value(name, accumulators[at]?.result() ?? NULL_VALUE);
      });
      yield writer.finish();
    }
    return undefined;
  }
}

export function countDocument(name: string, id: Value | undefined, count: Value): Buffer {
  const writer = new DocumentWriter();
  if (id !== undefined) writer.value('_id', id);
  return writer.value(name, count).finish();
}
