import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { BSON, ObjectId, type Document } from 'mongodb';
import { documentValue } from '../../lib/embedded/bson/value.ts';
import { Catalog } from '../../lib/embedded/catalog/catalog.ts';
import { newIndex, type Collection, type IndexOptions } from '../../lib/embedded/catalog/collection.ts';
import { Records } from '../../lib/embedded/catalog/records.ts';
import { Memory } from '../../lib/embedded/plan/memory.ts';
import { QueryStream, type Source } from '../../lib/embedded/plan/query-stream.ts';
import { PAUSED, Slice } from '../../lib/embedded/plan/slice.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { planQuery } from '../../lib/embedded/plan/planner.ts';
import { compareSortKeys, sortKeyOf } from '../../lib/embedded/plan/sort-key.ts';
import { parseSort } from '../../lib/embedded/plan/sort-order.ts';
import { matches } from '../../lib/embedded/query/match.ts';
import { parseFilter } from '../../lib/embedded/query/parse.ts';
import { SqliteStore } from '../../lib/embedded/store/sqlite-store.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { seededRandom } from './random.ts';

/** The long run of this property took 24,000. */
const FILTERS = Number(process.env['EIDER_TEST_FILTERS'] ?? 1600);
const DOCUMENTS = 80;
const raw = (document: Document): Buffer => Buffer.from(BSON.serialize(document));
const parsed = (document: Document) => documentValue(raw(document));

const SCALARS: readonly unknown[] = [
  ...[null, 0, 1, 2, 3, 1.5, -1, NaN, '', 'a', 'ab', 'abc', 'b', 'x'.repeat(1200), true, false],
  ...[new Date(0), new Date(5), new ObjectId('000000000000000000000001'), BSON.Long.fromString('9007199254740993')],
  ...[{ q: 1 }, { q: 2, r: 1 }, {}, /^ab/, new BSON.MinKey(), new BSON.MaxKey()],
];
const ARRAYS: readonly unknown[] = [
  [],
  [1],
  [1, 2],
  [2, 3],
  ['a', 'ab'],
  [null],
  [[1, 2], 3],
  [
    { q: 1, r: 2 },
    { q: 2, r: 1 },
  ],
  [[]],
];
const PATHS = ['a', 'b', 'c', 'd.q', 'd.r', '_id'];

type Random = ReturnType<typeof seededRandom>;

function randomDocument(random: Random, id: number): Document {
  const value = (): unknown => (random.below(5) === 0 ? random.pick(ARRAYS) : random.pick(SCALARS));
  const document: Document = { _id: id % 3 === 0 ? `id${id}` : id };
  for (const name of ['a', 'b']) if (random.below(6) > 0) document[name] = value();
  // A field without arrays lets its indexes stay single-keyed, which other rules hold for.
  if (random.below(4) > 0) document['c'] = random.pick(SCALARS);
  const shape = random.below(4);
  if (shape === 0) document['d'] = { q: random.pick(SCALARS), r: random.below(3) };
  if (shape === 1)
    document['d'] = Array.from({ length: random.below(4) }, () => ({ q: random.below(3), r: random.below(3) }));
  if (shape === 2) document['d'] = value();
  return document;
}

function randomCondition(random: Random): unknown {
  const value = (): unknown => (random.below(8) === 0 ? random.pick(ARRAYS) : random.pick(SCALARS));
  switch (random.below(9)) {
    case 0:
    case 1:
      return value();
    case 2: {
      const values = Array.from({ length: random.below(4) }, value);
      return { $in: values.filter((one) => !isOperators(one)) };
    }
    case 3:
    case 4: {
      const bound = (): unknown => random.pick(SCALARS.filter((one) => !(one instanceof RegExp)));
      const range: Document = { [random.pick(['$gt', '$gte'])]: bound() };
      if (random.below(2) === 0) range[random.pick(['$lt', '$lte'])] = bound();
      return range;
    }
    case 5:
      return { $exists: random.below(2) === 0 };
    case 6:
      return random.pick([/^a/, /^ab/, /b$/, /^ab?/, /^a.*c/]);
    case 7:
      return { $not: { $gt: random.pick([0, 1, 'a']) } };
    default:
      return { $elemMatch: random.below(2) === 0 ? { $gte: 1, $lt: 3 } : { q: 1, r: random.below(3) } };
  }
}

const isOperators = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).some((name) => name.startsWith('$'));

/** @param own the paths of the indexes at hand, which most filters name */
function randomFilter(random: Random, own: readonly string[]): Document {
  const filter: Document = {};
  for (let n = random.below(3) + 1; n > 0; n--) {
    filter[random.pick(random.below(4) > 0 ? own : PATHS)] = randomCondition(random);
  }
  if (random.below(6) === 0) return { $and: [filter, { [random.pick(PATHS)]: randomCondition(random) }] };
  if (random.below(8) === 0) return { $or: [filter, { a: 1 }], b: { $gte: null } };
  return filter;
}

function index(name: string, key: Record<string, 1 | -1>, more: Partial<IndexOptions> = {}): IndexOptions {
  const fields = Object.entries(key).map(([path, direction]) => ({ path, isDescending: direction < 0 }));
  return { name, fields, isUnique: false, isSparse: false, partial: undefined, ...more };
}

const INDEX_SETS: readonly (readonly IndexOptions[])[] = [
  [index('a', { a: 1 })],
  [index('c', { c: 1 }), index('ca', { c: -1, a: 1 })],
  [index('ab', { a: 1, b: -1 })],
  [index('cb', { c: 1, b: 1 }, { isSparse: true }), index('b', { b: 1 }, { isSparse: true })],
  [index('dqr', { 'd.q': 1, 'd.r': 1 })],
  [index('dq', { 'd.q': -1 }), index('dr', { 'd.r': 1 }, { isSparse: true })],
  [
    index('part', { a: 1 }, { partial: parsed({ c: { $gt: 0 } }) }),
    index('exists', { c: 1 }, { partial: parsed({ c: { $exists: true } }) }),
  ],
  [index('part2', { c: -1 }, { partial: parsed({ a: { $in: [1, 2] } }) })],
];

describe('planner', () => {
  it('finds by indexes what a full scan finds, in the order that was asked for', async (context) => {
    const directory = await temporaryDirectory('planner');
    const store = new SqliteStore(join(directory, 'planner.sqlite'));
    const random = seededRandom(20_261_122);
    let indexed = 0;
    let sortedByIndex = 0;
    try {
      const catalog = new Catalog(store);
      const records = new Records(store, catalog);
      for (const [at, indexes] of INDEX_SETS.entries()) {
        store.begin();
        const collection = catalog.create('test', `c${at}`);
        indexes.forEach((options, id) => collection.indexes.push(newIndex(collection.id, id + 1, options)));
        const documents = Array.from({ length: DOCUMENTS }, (_, id) => raw(randomDocument(random, id))).filter(
          (document) => isAllowed(records, collection, document),
        );
        store.commit();
        const own = indexes.flatMap(({ fields }) => fields.map(({ path }) => path));
        for (let n = 0; n < FILTERS / INDEX_SETS.length; n++) {
          const filter = randomFilter(random, own);
          const sort: Document = random.below(3) === 0 ? { [random.pick([...own, '_id'])]: random.pick([1, -1]) } : {};
          const plan = compare({ store, catalog, memory: new Memory() }, collection, documents, filter, sort);
          if (plan.index !== undefined) indexed += 1;
          if (plan.isSorted && Object.keys(sort).length > 0) sortedByIndex += 1;
        }
      }
    } finally {
      store.close();
      await rm(directory, { recursive: true });
    }
    context.diagnostic(`${FILTERS} filters, ${indexed} read by an index, ${sortedByIndex} sorted by one`);
    // A property that no index is ever used for would hold for nothing.
    assert.ok(indexed > FILTERS / 5 && sortedByIndex > 50);
  });
});

/** Parallel arrays cannot be indexed; such documents are left out. */
function isAllowed(records: Records, collection: Collection, document: Buffer): boolean {
  try {
    records.insert(collection, document);
    return true;
  } catch (error) {
    assert.match(String(error), /parallel arrays/);
    return false;
  }
}

function compare(
  source: Source,
  collection: Collection,
  documents: readonly Buffer[],
  filter: Document,
  sort: Document,
) {
  const query = { filter: parseFilter(parsed(filter)), sort: parseSort(parsed(sort)), skip: 0, limit: 0 };
  const stream = new QueryStream(source, collection, query);
  const slice = new Slice(systemClock, undefined);
  const found: Buffer[] = [];
  for (let next = stream.next(slice); next !== undefined; next = stream.next(slice)) {
    // Others may come in at any step.
    if (found.length % 7 === 3) stream.pause();
    if (next !== PAUSED) found.push(next.octets);
  }
  stream.close();
  const expected = documents.filter((document) => matches(query.filter, documentValue(document)));
  const names = (list: readonly Buffer[]): string[] =>
    list.map((octets) => String(BSON.deserialize(octets)['_id'])).sort();
  const shown = BSON.EJSON.stringify({
    filter,
    sort,
    index: planQuery(collection, query.filter, query.sort).index?.name ?? '_id_',
  });
  assert.deepEqual(names(found), names(expected), shown);
  found.forEach((octets, at) => {
    const before = found[at - 1];
    if (before === undefined) return;
    const keys = [sortKeyOf(query.sort, documentValue(before)), sortKeyOf(query.sort, documentValue(octets))] as const;
    assert.ok(compareSortKeys(query.sort, ...keys) <= 0, `order: ${shown}`);
  });
  return stream.plan;
}
