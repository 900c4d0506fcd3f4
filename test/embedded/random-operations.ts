import { Double, Int32, Long, ObjectId } from 'mongodb';
import type { IndexOptions } from '../model/collection.ts';
import type { Doc, Value } from '../model/value.ts';
import type { seededRandom } from './random.ts';

/** One call of the driver, as data. */
export type Operation =
  | { readonly kind: 'insertOne'; readonly document: Doc }
  | { readonly kind: 'insertMany'; readonly documents: readonly Doc[]; readonly ordered: boolean }
  | {
      readonly kind: 'find';
      readonly filter: Doc;
      readonly sort?: Doc;
      readonly skip?: number;
      readonly limit?: number;
      readonly projection?: Doc;
    }
  | {
      readonly kind: 'updateOne' | 'updateMany' | 'replaceOne';
      readonly filter: Doc;
      readonly update: Doc;
      readonly upsert: boolean;
      readonly arrayFilters?: readonly Doc[];
    }
  | {
      readonly kind: 'findOneAndUpdate' | 'findOneAndReplace';
      readonly filter: Doc;
      readonly update: Doc;
      readonly sort: Doc;
      readonly upsert: boolean;
      readonly isAfter: boolean;
      readonly projection?: Doc;
    }
  | { readonly kind: 'findOneAndDelete'; readonly filter: Doc; readonly sort: Doc; readonly projection?: Doc }
  | { readonly kind: 'deleteOne' | 'deleteMany' | 'count'; readonly filter: Doc }
  | { readonly kind: 'distinct'; readonly path: string; readonly filter: Doc }
  | { readonly kind: 'aggregate'; readonly pipeline: readonly Doc[] }
  | { readonly kind: 'createIndex'; readonly key: Doc; readonly options: IndexOptions };

type Random = ReturnType<typeof seededRandom>;

const int = (value: number): Int32 => new Int32(value);
const IDS: readonly Value[] = [
  ...[0, 1, 2, 3, 4, 5, 6, 7].map(int),
  'x',
  'y',
  new Double(2),
  new Long(3),
  new Int32(8),
];
const SCALARS: readonly Value[] = [
  ...[null, '', 'a', 'ab', 'abc', 'b', 'é', true, false, new Date(0), new Date(5)],
  ...[int(0), int(1), int(2), int(3), int(-1), new Double(1), new Double(1.5), new Double(NaN), new Long(2)],
  ...[Long.fromString('9007199254740993'), new Double(9007199254740992), new ObjectId('000000000000000000000001')],
  ...[{ q: int(1) }, { q: int(1), r: 'a' }, {}],
];
const NUMBERS = [int(0), int(1), int(2), int(2147483647), new Long(5), new Double(0.5), new Double(-2)] as const;
const ARRAYS: readonly Value[] = [
  ...[[], [int(1)], [int(1), int(2)], [int(2), int(3), int(2)], ['a', 'ab'], [null], [int(1), null, 'b']],
  ...[[[int(1), int(2)], int(3)], [[]], [{ q: int(1) }, { q: int(2), r: int(1) }]],
];
const PATHS = ['a', 'b', 'c', 'c.d', 'c.e', 'l.k', 'l.v', 'n', '_id'] as const;

const number = (random: Random): Value => random.pick(NUMBERS);
const scalar = (random: Random): Value => random.pick(SCALARS);
const value = (random: Random): Value => (random.below(4) === 0 ? random.pick(ARRAYS) : scalar(random));
const many = <T>(random: Random, least: number, most: number, make: () => T): T[] =>
  Array.from({ length: least + random.below(most - least + 1) }, make);
const pairOf = (random: Random): Doc => ({
  ...(random.below(8) > 0 ? { k: int(random.below(3)) } : {}),
  ...(random.below(4) > 0 ? { v: random.below(6) === 0 ? scalar(random) : int(random.below(4)) } : {}),
});

function fieldsOf(random: Random): Doc {
  const maybe = (name: string, make: () => Value): Doc => (random.below(5) > 0 ? { [name]: make() } : {});
  return {
    ...maybe('a', () => scalar(random)),
    ...maybe('b', () => value(random)),
    ...maybe('c', () =>
      random.below(4) === 0
        ? value(random)
        : { ...maybe('d', () => value(random)), ...maybe('e', () => scalar(random)) },
    ),
    ...maybe('l', () => (random.below(8) === 0 ? scalar(random) : many(random, 0, 3, () => pairOf(random)))),
    ...maybe('n', () => number(random)),
  };
}

const documentOf = (random: Random): Doc => ({ _id: random.pick(IDS), ...fieldsOf(random) });

function conditionOf(random: Random): Value {
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return value(random);
    case 3:
      return { $in: many(random, 0, 3, () => value(random)) };
    case 4:
    case 5:
      return {
        [random.pick(['$gt', '$gte'])]: value(random),
        ...(random.below(2) === 0 ? { [random.pick(['$lt', '$lte'])]: value(random) } : {}),
      };
    case 6:
      return { [random.pick(['$lt', '$lte', '$ne'])]: value(random) };
    case 7:
      return { $exists: random.below(2) === 0 };
    case 8:
      return { $type: random.pick(['int', 'number', 'string', 'null', 'array', 'object', 'double', 'bool', 'date']) };
    case 9:
      return random.pick<Value>([
        { $not: { $gt: scalar(random) } },
        { $nin: many(random, 0, 2, () => scalar(random)) },
        { $mod: [int(2), int(random.below(2))] },
        { $bitsAllSet: int(1) },
      ]);
    case 10:
      return random.pick<Value>([
        { $size: int(random.below(3)) },
        { $all: many(random, 0, 2, () => scalar(random)) },
        { $elemMatch: { $gte: int(1), $lt: int(3) } },
        { $elemMatch: { k: int(random.below(3)), v: int(random.below(4)) } },
      ]);
    default:
      return { $regex: random.pick(['^a', '^ab', 'b$', '^a.*c', 'A']), $options: random.pick(['', 'i']) };
  }
}

function filterOf(random: Random): Doc {
  const clause = (): Doc => ({ [random.pick(PATHS)]: conditionOf(random) });
  switch (random.below(10)) {
    case 0:
      return {};
    case 1:
    case 2:
      return { _id: random.pick(IDS) };
    case 3:
      return { [random.pick(['$or', '$nor', '$and'])]: many(random, 1, 2, clause) };
    case 4:
      return { ...clause(), $or: many(random, 1, 2, clause) };
    case 5:
    case 6:
      return { ...clause(), ...clause() };
    default:
      return clause();
  }
}

function sortOf(random: Random, isTotal: boolean): Doc {
  const direction = (): Value => int(random.pick([1, -1]));
  const paths = many(random, isTotal ? 0 : 1, 2, () => random.pick(PATHS.filter((path) => path !== '_id')));
  return Object.fromEntries([...paths, ...(isTotal ? ['_id'] : [])].map((path) => [path, direction()]));
}

function projectionOf(random: Random): Doc {
  const flag = int(random.below(2));
  const paths = many(random, 1, 2, () => random.pick(['a', 'b', 'c.d', 'l.k', 'n', 'none']));
  const id: Doc = random.below(3) === 0 ? { _id: int(random.below(2)) } : {};
  return { ...Object.fromEntries(paths.map((path) => [path, flag])), ...id };
}

function changeOf(random: Random): Doc {
  const path = random.pick(['a', 'b', 'c', 'c.d', 'c.x.y', 'n', 'b.1', 'l.0.v', 'z']);
  switch (random.below(18)) {
    case 0:
    case 1:
    case 2:
      return { $set: { [path]: value(random) } };
    case 3:
      return { $set: { [path]: value(random), [random.pick(['y', 'w', 'c.e', 'a'])]: scalar(random) } };
    case 4:
      return { $unset: { [path]: true } };
    case 5:
    case 6:
      return { $inc: { [random.pick(['n', 'n', path])]: number(random) } };
    case 7:
      return { $mul: { [random.pick(['n', 'n', path])]: number(random) } };
    case 8:
      return { [random.pick(['$min', '$max'])]: { [path]: scalar(random) } };
    case 9:
      return { $push: { [random.pick(['b', 'c.d', path])]: value(random) } };
    case 10: {
      const modifiers: Doc = {
        $each: many(random, 0, 3, () => scalar(random)),
        ...(random.below(2) === 0 ? { $position: int(random.below(5) - 2) } : {}),
        ...(random.below(2) === 0 ? { $sort: int(random.pick([1, -1])) } : {}),
        ...(random.below(2) === 0 ? { $slice: int(random.below(7) - 3) } : {}),
      };
      return { $push: { b: modifiers } };
    }
    case 11: {
      const sort: Doc = { k: int(random.pick([1, -1])), v: int(random.pick([1, -1])) };
      return { $push: { l: { $each: many(random, 0, 2, () => pairOf(random)), $sort: sort, $slice: int(4) } } };
    }
    case 12:
      return {
        $addToSet: { b: random.below(2) === 0 ? value(random) : { $each: many(random, 0, 3, () => value(random)) } },
      };
    case 13:
      return random.pick<Doc>([
        { $pull: { b: scalar(random) } },
        { $pull: { b: { $gte: scalar(random) } } },
        { $pull: { l: { k: int(random.below(3)) } } },
        { $pullAll: { b: many(random, 0, 2, () => scalar(random)) } },
      ]);
    case 14:
      return { $pop: { b: int(random.pick([1, -1])) } };
    case 15:
      return { $rename: { [random.pick(['a', 'n', 'c.e'])]: random.pick(['b', 'z', 'c.f', 'a']) } };
    case 16:
      return { $bit: { n: { [random.pick(['and', 'or', 'xor'])]: int(random.below(8)) } } };
    default:
      return random.pick<Doc>([
        { $set: { _id: random.pick(IDS) } },
        { $inc: { 'l.$[].v': int(1) } },
        { $set: { 'b.$[]': int(7) } },
        { $foo: { a: int(1) } },
        { $set: { a: int(1) }, $inc: { a: int(1) } },
      ]);
  }
}

function updateOf(random: Random): Doc {
  const first = changeOf(random);
  const second = random.below(3) === 0 ? changeOf(random) : {};
  return { ...second, ...first };
}

/** An upsert names the `_id` it would insert, or the two sides would draw different ones. */
function upserted(random: Random): { filter: Doc; update: Doc } {
  const equality: Doc = random.below(2) === 0 ? { a: scalar(random) } : {};
  const update = updateOf(random);
  if (random.below(2) === 0) return { filter: { _id: random.pick(IDS), ...equality }, update };
  const onInsert: Doc = { $setOnInsert: { _id: random.pick(IDS), z: int(1) } };
  return { filter: { n: number(random), ...equality }, update: { ...update, ...onInsert } };
}

function writeOf(random: Random): Operation {
  const kind = random.pick(['updateOne', 'updateOne', 'updateMany', 'replaceOne', 'findOneAndUpdate'] as const);
  const extra = { sort: sortOf(random, true), isAfter: random.below(2) === 0 };
  const projection = random.below(3) === 0 ? { projection: projectionOf(random) } : {};
  if (kind === 'replaceOne') {
    const upsert = random.below(3) === 0;
    const id: Doc = upsert || random.below(6) === 0 ? { _id: random.pick(IDS) } : {};
    const filter = upsert ? id : filterOf(random);
    const replacement = { filter, update: { ...(random.below(2) === 0 ? id : {}), ...fieldsOf(random) }, upsert };
    return random.below(2) === 0
      ? { kind, ...replacement }
      : { kind: 'findOneAndReplace', ...replacement, ...extra, ...projection };
  }
  const upsert = random.below(4) === 0;
  const chosen = upsert ? upserted(random) : { filter: filterOf(random), update: updateOf(random) };
  if (kind === 'findOneAndUpdate') return { kind, ...chosen, ...extra, upsert, ...projection };
  if (upsert || random.below(6) > 0) return { kind, ...chosen, upsert };
  return random.pick<Operation>([
    { kind, filter: { 'l.k': int(1) }, update: { $inc: { 'l.$.v': int(1) } }, upsert },
    { kind, filter: { b: { $gte: int(2) } }, update: { $set: { 'b.$': scalar(random) } }, upsert },
    {
      kind,
      filter: filterOf(random),
      update: { $set: { 'l.$[e].v': int(9) } },
      upsert,
      arrayFilters: [{ 'e.k': { $gte: int(1) } }],
    },
  ]);
}

function indexOf(random: Random): Operation {
  const paths = new Set(many(random, 1, 2, () => random.pick(PATHS.filter((path) => path !== '_id'))));
  const key = Object.fromEntries([...paths].map((path) => [path, int(random.pick([1, -1]))]));
  const unique = random.below(2) === 0;
  const shape = random.below(4);
  const partialFilterExpression = random.pick<Doc>([
    { a: { $exists: true } },
    { n: { $gt: int(0) } },
    { a: { $type: 'string' }, n: { $gte: int(1) } },
  ]);
  const name = `${[...paths].join('_')}${random.below(3) === 0 ? '' : `_${unique ? 'u' : ''}${shape}`}`;
  const options = { name, ...(unique ? { unique } : {}), ...(shape === 0 ? { sparse: true } : {}) };
  return { kind: 'createIndex', key, options: shape === 1 ? { ...options, partialFilterExpression } : options };
}

function findOf(random: Random): Operation {
  const filter = filterOf(random);
  if (random.below(4) === 0) return { kind: 'find', filter, sort: sortOf(random, false) };
  const projection = random.below(2) === 0 ? { projection: projectionOf(random) } : {};
  if (random.below(2) === 0) return { kind: 'find', filter, ...projection };
  const sort = sortOf(random, true);
  return { kind: 'find', filter, sort, skip: random.below(4), limit: random.below(6), ...projection };
}

/** In the order of `_id` from the beginning, so that groups and lists come out alike. */
function aggregateOf(random: Random): Operation {
  const path = random.pick(PATHS);
  const lookup: Doc = { from: '', localField: path, foreignField: random.pick(PATHS), as: 'j' };
  const more = random.pick<readonly Doc[]>([
    [{ $unwind: `$${random.pick(['b', 'l', 'a'])}` }, { $sort: { _id: int(1) } }],
    [{ $unwind: { path: '$b', preserveNullAndEmptyArrays: true, includeArrayIndex: 'at' } }],
    [
      {
        $group: {
          _id: `$${path}`,
          n: { $sum: '$n' },
          c: { $sum: int(1) },
          least: { $min: '$a' },
          most: { $max: '$b' },
        },
      },
    ],
    [{ $group: { _id: null, first: { $first: '$a' }, last: { $last: `$${path}` }, all: { $push: '$n' } } }],
    [{ $group: { _id: { $type: `$${path}` }, avg: { $avg: '$n' } } }],
    [{ $addFields: { z: `$${path}`, a: '$none' } }, { $project: projectionOf(random) }],
    [{ $skip: int(random.below(3)) }, { $limit: int(1 + random.below(4)) }, { $lookup: lookup }],
    [{ $lookup: lookup }, { $unwind: '$j' }, { $count: 'n' }],
    [{ $replaceRoot: { newRoot: '$c' } }],
  ]);
  const front = { $match: filterOf(random) };
  return { kind: 'aggregate', pipeline: [front, { $sort: { _id: int(1) } }, ...more] };
}

/** Any operation, with values few enough that it often meets what is there. */
function operationOf(random: Random): Operation {
  switch (random.below(17)) {
    case 16:
      return aggregateOf(random);
    case 0:
      return { kind: 'insertOne', document: documentOf(random) };
    case 1:
    case 2:
      return {
        kind: 'insertMany',
        documents: many(random, 1, 5, () => documentOf(random)),
        ordered: random.below(2) === 0,
      };
    case 3:
    case 4:
    case 5:
    case 6:
      return findOf(random);
    case 7:
      return { kind: 'count', filter: filterOf(random) };
    case 8:
      return { kind: 'distinct', path: random.pick(PATHS), filter: filterOf(random) };
    case 9:
      return { kind: random.below(3) === 0 ? 'deleteMany' : 'deleteOne', filter: filterOf(random) };
    case 10:
      return {
        kind: 'findOneAndDelete',
        filter: filterOf(random),
        sort: sortOf(random, true),
        ...(random.below(2) === 0 ? { projection: projectionOf(random) } : {}),
      };
    case 11:
      return indexOf(random);
    default:
      return writeOf(random);
  }
}

export function sequenceOf(random: Random): Operation[] {
  const fill: Operation = {
    kind: 'insertMany',
    documents: many(random, 3, 8, () => documentOf(random)),
    ordered: false,
  };
  const indexes = many(random, 0, 2, () => indexOf(random));
  return [
    ...(random.below(2) === 0 ? [fill, ...indexes] : [...indexes, fill]),
    ...many(random, 6, 12, () => operationOf(random)),
  ];
}
