import { BSON, MongoBulkWriteError, MongoServerError, type Collection, type Document } from 'mongodb';
import { ModelCollection, type StatementError } from '../model/collection.ts';
import { compareBy, orderOf } from '../model/keys.ts';
import { compare, ModelError, NotModelled, type Doc, type Value } from '../model/value.ts';
import type { Operation } from './random-operations.ts';

export const canonical = (value: unknown): string => BSON.EJSON.stringify(value, { relaxed: false });
/** Numbers keep their types, and expressions stay BSON. */
const AS_STORED = { promoteValues: false, bsonRegExp: true } as const;

/** What an operation gave, in a form in which what is left open is equal. */
type Outcome = unknown;

/** Lists without an order of their own are put into one. */
const unordered = (values: readonly unknown[]): string[] => values.map(canonical).sort();

const withoutTypes = (value: unknown): string =>
  canonical(value ?? null).replace(/"\$number\w+":"(-?\d+)(\.0)?"/g, '"$number":"$1"');

/** The values of `distinct`; which of two equal numbers stands for both is left open. */
const distinctly = (values: readonly Value[]): string[] => [...values].sort(compare).map(withoutTypes);

/** What a pipeline gives, without an order of its own: nor have joined documents one. */
const listed = (documents: readonly unknown[]): string[] =>
  unordered(
    documents.map((document) => {
      const { j, ...rest } = document as Document;
      return Array.isArray(j) ? { ...rest, j: unordered(j) } : document;
    }),
  );

interface UpdateOutcome {
  readonly matchedCount: number;
  readonly modifiedCount: number;
  readonly upsertedId: unknown;
}

const updateOutcome = ({ matchedCount, modifiedCount, upsertedId }: UpdateOutcome): Outcome => ({
  matchedCount,
  modifiedCount,
  // The driver tells it as a number without its type; the comparison of the collection sees that.
  upsertedId: withoutTypes(upsertedId),
});

async function onEngine(engine: Collection, operation: Operation): Promise<Outcome> {
  const plain = (document: Doc): Record<string, never> => document as Record<string, never>;
  switch (operation.kind) {
    case 'insertOne':
      await engine.insertOne({ ...operation.document });
      return 'inserted';
    case 'insertMany':
      return insertedByEngine(engine, operation.documents, operation.ordered);
    case 'find': {
      const { filter, sort, skip, limit, projection } = operation;
      const options = Object.entries({ sort, skip, limit, projection }).filter(([, value]) => value !== undefined);
      return engine.find(plain(filter), { ...Object.fromEntries(options), ...AS_STORED }).toArray();
    }
    case 'updateOne':
    case 'updateMany': {
      const { kind, filter, update, upsert, arrayFilters } = operation;
      const options = { upsert, ...(arrayFilters === undefined ? {} : { arrayFilters: arrayFilters.map(plain) }) };
      return updateOutcome(await engine[kind](plain(filter), plain(update), options));
    }
    case 'replaceOne': {
      const { filter, update, upsert } = operation;
      return updateOutcome(await engine.replaceOne(plain(filter), plain(update), { upsert }));
    }
    case 'findOneAndUpdate':
    case 'findOneAndReplace': {
      const { kind, filter, update, sort, upsert, isAfter, projection } = operation;
      const returnDocument = isAfter ? ('after' as const) : ('before' as const);
      const options = { sort: plain(sort), upsert, returnDocument, ...AS_STORED };
      const shown = projection === undefined ? options : { ...options, projection: plain(projection) };
      return engine[kind](plain(filter), plain(update), shown);
    }
    case 'findOneAndDelete': {
      const { filter, sort, projection } = operation;
      const options = { sort: plain(sort), ...AS_STORED };
      return engine.findOneAndDelete(
        plain(filter),
        projection === undefined ? options : { ...options, projection: plain(projection) },
      );
    }
    case 'deleteOne':
    case 'deleteMany':
      return (await engine[operation.kind](plain(operation.filter))).deletedCount;
    case 'count':
      return engine.countDocuments(plain(operation.filter));
    case 'distinct':
      return distinctly((await engine.distinct(operation.path, plain(operation.filter), AS_STORED)) as Value[]);
    case 'aggregate': {
      // The collection that is joined is the same one.
      const pipeline = operation.pipeline.map((stage) =>
        '$lookup' in stage ? { $lookup: { ...(stage['$lookup'] as Doc), from: engine.collectionName } } : stage,
      );
      return listed(await engine.aggregate(pipeline.map(plain), AS_STORED).toArray());
    }
    case 'createIndex':
      await engine.createIndexes([{ key: operation.key as never, ...operation.options }]);
      return 'created';
  }
}

async function insertedByEngine(engine: Collection, documents: readonly Doc[], ordered: boolean): Promise<Outcome> {
  try {
    const { insertedCount } = await engine.insertMany(
      documents.map((document) => ({ ...document })),
      { ordered },
    );
    return { inserted: insertedCount, errors: [] };
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const errors = [error.writeErrors].flat().map(({ index, code }): StatementError => ({ index, code }));
    return { inserted: error.insertedCount, errors };
  }
}

function onModel(model: ModelCollection, operation: Operation): Outcome {
  switch (operation.kind) {
    case 'insertOne':
      model.insertOne(operation.document);
      return 'inserted';
    case 'insertMany':
      return model.insertMany(operation.documents, operation.ordered);
    case 'find':
      return model.find(operation.filter, operation);
    case 'updateOne':
    case 'updateMany':
    case 'replaceOne': {
      const { filter, update, upsert, arrayFilters, kind } = operation;
      const options = {
        upsert,
        isMulti: kind === 'updateMany',
        ...(arrayFilters === undefined ? {} : { arrayFilters }),
      };
      const { matched, modified, upsertedId } = model.update(filter, update, options);
      return updateOutcome({ matchedCount: matched, modifiedCount: modified, upsertedId });
    }
    case 'findOneAndUpdate':
    case 'findOneAndReplace':
      return model.findAndModify(operation.filter, operation.update, operation);
    case 'findOneAndDelete':
      return model.findAndModify(operation.filter, 'remove', operation);
    case 'deleteOne':
    case 'deleteMany':
      return model.delete(operation.filter, operation.kind === 'deleteMany');
    case 'count':
      return model.count(operation.filter);
    case 'distinct':
      return distinctly(model.distinct(operation.path, operation.filter));
    case 'aggregate':
      return listed(model.aggregate(operation.pipeline));
    case 'createIndex':
      model.createIndex(operation.key, operation.options);
      return 'created';
  }
}

/** Says which document is meant where a server may choose: any that matches, in any order. */
function pinned(model: ModelCollection, operation: Operation): Operation {
  const isOne = ['updateOne', 'replaceOne', 'deleteOne'].includes(operation.kind);
  if (!('filter' in operation) || (!isOne && operation.kind !== 'updateMany')) return operation;
  const before = model.all();
  try {
    const found = model.find(operation.filter);
    const [first] = found;
    if (first === undefined || found.length === 1) return operation;
    const one: Operation = { ...operation, filter: { $and: [{ _id: first['_id']! }, operation.filter] } };
    if (isOne || model.hasUniqueIndex()) return one;
    try {
      onModel(model, operation);
      return operation;
    } catch (error) {
      // Which documents were changed before the one that could not be is nobody's promise.
      if (error instanceof ModelError) return one;
      throw error;
    }
  } catch (error) {
    if (error instanceof ModelError) return operation;
    throw error;
  } finally {
    model.restore(before);
  }
}

const codeOf = (error: unknown): Outcome => {
  if (error instanceof ModelError) return { code: error.code };
  if (error instanceof MongoServerError) return { code: Number(error.code) };
  throw error;
};

function isSameList(operation: Operation & { kind: 'find' }, actual: Document[], expected: Doc[]): boolean {
  const { sort } = operation;
  if (sort !== undefined && '_id' in sort) return canonical(actual) === canonical(expected);
  if (canonical(unordered(actual)) !== canonical(unordered(expected))) return false;
  const order = orderOf(sort ?? {});
  return actual.every((document, at) => at === 0 || compareBy(order, actual[at - 1] as Doc, document) <= 0);
}

/** What is found by its `_id` is one document, which a server need not sort, nor notice that it could not. */
const isNeverSorted = (operation: Operation, error: unknown): boolean =>
  'filter' in operation && '_id' in operation.filter && error instanceof ModelError && /sort/.test(error.message);

/** What was compared, and what was left out because the model does not know it. */
export interface Tally {
  operations: number;
  failures: number;
  skipped: number;
}

/** @returns what the two sides did differently, undefined for nothing */
export async function differenceIn(
  engine: Collection,
  operations: readonly Operation[],
  tally: Tally,
): Promise<string | undefined> {
  const model = new ModelCollection(canonical);
  for (const given of operations) {
    const before = model.all();
    let operation = given;
    let expected: Outcome;
    try {
      operation = pinned(model, given);
      expected = onModel(model, operation);
    } catch (error) {
      if (error instanceof NotModelled || isNeverSorted(operation, error)) {
        model.restore(before);
        tally.skipped += 1;
        continue;
      }
      model.restore(before);
      expected = codeOf(error);
      tally.failures += 1;
    }
    tally.operations += 1;
    const actual = await onEngine(engine, operation).catch(codeOf);
    const isSame =
      operation.kind === 'find' && Array.isArray(actual) && Array.isArray(expected)
        ? isSameList(operation, actual as Document[], expected as Doc[])
        : canonical(actual) === canonical(expected);
    if (!isSame) return `${canonical(operation)}\n  gave ${canonical(actual)}\n  not  ${canonical(expected)}`;
  }
  const stored = unordered(await engine.find({}, AS_STORED).toArray());
  const expected = unordered(model.all());
  if (canonical(stored) === canonical(expected)) return undefined;
  return `the collection is\n  ${stored.join('\n  ')}\nnot\n  ${expected.join('\n  ')}`;
}
