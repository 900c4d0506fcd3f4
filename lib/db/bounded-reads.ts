import type {
  AggregateOptions,
  Collection,
  CountDocumentsOptions,
  Db,
  DistinctOptions,
  Document,
  Filter,
  FindOptions,
} from 'mongodb';

/**
 * Gives each read of the database's collections a time limit, unless it brings its own: the server gives up what
 * nobody waits for any more, instead of going on with it while the same is asked again.
 */
export function boundReads(db: Db, limitMs: number): Db {
  const collectionOf = db.collection.bind(db);
  db.collection = <T extends Document = Document>(...args: Parameters<typeof collectionOf>): Collection<T> =>
    boundCollection(collectionOf<T>(...args), limitMs);
  return db;
}

/** Changes the object itself: `findOne` and the driver's own GridFS go through these methods too. */
function boundCollection<T extends Document>(collection: Collection<T>, maxTimeMS: number): Collection<T> {
  const find = collection.find.bind(collection);
  const aggregate = collection.aggregate.bind(collection);
  const distinct = collection.distinct.bind(collection);
  const countDocuments = collection.countDocuments.bind(collection);
  return Object.assign(collection, {
    find: (filter: Filter<T> = {}, options?: FindOptions) => find(filter, { maxTimeMS, ...options }),
    aggregate: (pipeline?: Document[], options?: AggregateOptions) => aggregate(pipeline, { maxTimeMS, ...options }),
    distinct: (key: string, filter: Filter<T> = {}, options?: DistinctOptions) =>
      distinct(key, filter, { maxTimeMS, ...options }),
    countDocuments: (filter?: Filter<T>, options?: CountDocumentsOptions) =>
      countDocuments(filter, { maxTimeMS, ...options }),
  });
}
