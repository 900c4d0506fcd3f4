import { randomUUID } from 'node:crypto';
import { BSON, type Document } from 'mongodb';

/** A failure of a command, with MongoDB's code and its name. */
export class CommandFailure extends Error {
  readonly code: number;
  readonly codeName: string;

  constructor(code: number, codeName: string, message: string) {
    super(message);
    this.code = code;
    this.codeName = codeName;
  }

  get reply(): Document {
    return { ok: 0, errmsg: this.message, code: this.code, codeName: this.codeName };
  }
}

interface Chunk {
  readonly min: Document;
  readonly max: Document;
  shard: string;
}

export interface ShardedCollection {
  readonly namespace: string;
  readonly key: readonly string[];
  readonly uuid: BSON.UUID;
  chunks: Chunk[];
}

const isSame = (a: Document, b: Document): boolean => Buffer.from(BSON.serialize(a)).equals(BSON.serialize(b));

/** BSON's order as far as shard keys of ours need it: MinKey, text, Binary by length, ObjectId, MaxKey. */
function compareValues(a: unknown, b: unknown): number {
  const rank = (value: unknown): number => {
    if (value instanceof BSON.MinKey) return 0;
    if (value instanceof BSON.MaxKey) return 9;
    return typeof value === 'string' ? 3 : value instanceof BSON.Binary ? 5 : value instanceof BSON.ObjectId ? 6 : 1;
  };
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (a instanceof BSON.Binary && b instanceof BSON.Binary)
    return a.length() - b.length() || Buffer.compare(a.value(), b.value());
  if (a instanceof BSON.ObjectId && b instanceof BSON.ObjectId) return Buffer.compare(a.id, b.id);
  return Number(a) - Number(b);
}

function compareKeys(a: Document, b: Document): number {
  for (const field of Object.keys(a)) {
    const order = compareValues(a[field], b[field]);
    if (order !== 0) return order;
  }
  return 0;
}

/** What a cluster's configuration servers keep: shards, sharded collections, and where their chunks are. */
export class ClusterMetadata {
  readonly shards: readonly string[];
  readonly #collections = new Map<string, ShardedCollection>();

  constructor(shardCount: number) {
    this.shards = Array.from({ length: shardCount }, (_, at) => `shard${String(at)}`);
  }

  find(namespace: string): ShardedCollection | undefined {
    return this.#collections.get(namespace);
  }

  dropDatabase(name: string): void {
    for (const namespace of this.#collections.keys())
      if (namespace.startsWith(`${name}.`)) this.#collections.delete(namespace);
  }

  drop(namespace: string): void {
    this.#collections.delete(namespace);
  }

  shard(namespace: string, keyPattern: Document): ShardedCollection {
    const key = Object.keys(keyPattern);
    if (key.some((field) => Number(keyPattern[field]) !== 1))
      throw new CommandFailure(2, 'BadValue', 'a hashed shard key: the façade knows ranges only');
    const known = this.#collections.get(namespace);
    if (known !== undefined) {
      if (known.key.join() === key.join()) return known;
      throw new CommandFailure(23, 'AlreadyInitialized', `${namespace} is sharded with another key`);
    }
    const end = (value: unknown): Document => Object.fromEntries(key.map((field) => [field, value]));
    const whole = { min: end(new BSON.MinKey()), max: end(new BSON.MaxKey()), shard: this.shards[0] ?? '' };
    const made = { namespace, key, uuid: new BSON.UUID(randomUUID()), chunks: [whole] };
    this.#collections.set(namespace, made);
    return made;
  }

  split(namespace: string, middle: Document): void {
    const collection = this.#require(namespace);
    const point = this.#whole(collection, middle);
    const at = collection.chunks.findIndex(
      ({ min, max }) => compareKeys(min, point) <= 0 && compareKeys(point, max) < 0,
    );
    const chunk = collection.chunks[at];
    if (chunk === undefined || isSame(chunk.min, point))
      throw new CommandFailure(2, 'BadValue', 'the split point is a boundary already');
    collection.chunks.splice(at, 1, { ...chunk, max: point }, { ...chunk, min: point });
  }

  move(namespace: string, min: Document, toShard: string): void {
    const collection = this.#require(namespace);
    const chunk = collection.chunks.find((each) => isSame(each.min, min));
    if (chunk === undefined) throw new CommandFailure(2, 'BadValue', 'no chunk begins there');
    if (!this.shards.includes(toShard)) throw new CommandFailure(70, 'ShardNotFound', `no shard ${toShard}`);
    chunk.shard = toShard;
  }

  /** The rows of a collection of the `config` database. */
  rows(collection: string): Document[] {
    const all = [...this.#collections.values()];
    switch (collection) {
      case 'shards':
        return this.shards.map((name) => ({ _id: name, host: `${name}/localhost:1`, state: 1 }));
      case 'collections':
        return all.map(({ namespace, key, uuid }) => ({
          _id: namespace,
          uuid,
          key: Object.fromEntries(key.map((field) => [field, 1])),
          unique: false,
        }));
      case 'chunks':
        return all.flatMap(({ uuid, chunks }) =>
          chunks.map(({ min, max, shard }) => ({ _id: new BSON.ObjectId(), uuid, min, max, shard })),
        );
      default:
        return [];
    }
  }

  #require(namespace: string): ShardedCollection {
    const found = this.#collections.get(namespace);
    if (found === undefined) throw new CommandFailure(118, 'NamespaceNotSharded', `${namespace} is not sharded`);
    return found;
  }

  #whole({ key }: ShardedCollection, point: Document): Document {
    if (Object.keys(point).join() !== key.join())
      throw new CommandFailure(72, 'InvalidOptions', 'a split point names the whole shard key');
    return point;
  }
}
