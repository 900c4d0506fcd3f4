import type { Document } from 'mongodb';
import type { Database } from './database.ts';
import { orTemporary } from './row-access.ts';

/** A range of a sharded collection, and the shard that has it. */
export interface FoundChunk {
  readonly min: Document;
  readonly max: Document;
  readonly shard: string;
}

export interface FoundIndex {
  readonly name: string;
  readonly key: Document;
  readonly isUnique: boolean;
}

export interface FoundCollection {
  readonly isEmpty: boolean;
  readonly indexes: readonly FoundIndex[];
  /** Undefined where the collection is not sharded. */
  readonly sharding: { readonly key: readonly string[]; readonly chunks: readonly FoundChunk[] } | undefined;
}

/**
 * `standalone`: one mongod that replicates to nobody and knows no retried write; `other`: a server of the same protocol
 * without replication or sharding that could be seen.
 */
export type ServerKind = 'embedded' | 'replica-set' | 'sharded' | 'standalone' | 'other';

/** What there is, as against what collections should be like. */
export interface FoundDatabase {
  readonly kind: ServerKind;
  readonly name: string;
  /** In order of their names; empty where the server is no router. */
  readonly shards: readonly string[];
  readonly collections: ReadonlyMap<string, FoundCollection>;
}

/** Looks at the server and at the named collections. @throws MailError `unavailable` */
export async function inspectDatabase(database: Database, names: readonly string[]): Promise<FoundDatabase> {
  return orTemporary(async () => {
    const { db } = database;
    const shards = await shardsOf(database);
    const kind = await kindOf(database, shards);
    const there = new Set((await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name));
    const collections = new Map<string, FoundCollection>();
    for (const name of names) {
      if (!there.has(name)) continue;
      const collection = db.collection(name);
      // Without a filter a count is each shard's own, and reads no document.
      const { n } = await db.command({ count: name });
      collections.set(name, {
        isEmpty: Number(n) === 0,
        indexes: (await collection.indexes()).map((index: Document) => ({
          name: String(index['name']),
          key: index['key'] as Document,
          isUnique: index['unique'] === true,
        })),
        sharding: kind === 'sharded' ? await shardingOf(database, `${db.databaseName}.${name}`) : undefined,
      });
    }
    return { kind, name: db.databaseName, shards, collections };
  });
}

async function kindOf({ client }: Database, shards: readonly string[]): Promise<ServerKind> {
  const admin = client.db('admin');
  const hello = await admin.command({ hello: 1 });
  if (hello['setName'] !== undefined) return 'replica-set';
  const { modules } = await admin.command({ buildInfo: 1 });
  if (Array.isArray(modules) && modules.includes('eider-embedded')) return 'embedded';
  if (hello['msg'] !== 'isdbgrid') return 'standalone';
  return shards.length > 0 ? 'sharded' : 'other';
}

async function shardsOf({ client }: Database): Promise<string[]> {
  const rows = await client.db('config').collection<{ _id: string }>('shards').find({}).toArray();
  return rows.map(({ _id }) => _id).sort();
}

async function shardingOf({ client }: Database, namespace: string): Promise<FoundCollection['sharding']> {
  const config = client.db('config');
  const known = await config.collection<Document & { _id: string }>('collections').findOne({ _id: namespace });
  if (known === null) return undefined;
  const chunks = await config
    .collection('chunks')
    .find({ uuid: known['uuid'] as unknown }, { sort: { min: 1 } })
    .toArray();
  return {
    key: Object.keys(known['key'] as Document),
    chunks: chunks.map(({ min, max, shard }) => ({ min: min as Document, max: max as Document, shard: String(shard) })),
  };
}
