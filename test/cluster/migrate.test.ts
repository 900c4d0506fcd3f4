import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Binary, ObjectId } from 'mongodb';
import {
  compareDatabases,
  migrateDatabase,
  openDatabase,
  WHOLE_COLLECTION_WORK,
  type Database,
} from '../../lib/db/index.ts';
import { collections } from '../../workers/collections.ts';
import { startShardedCluster, type ShardedCluster } from '../support/cluster/sharded-cluster.ts';

const CHUNKS = 'attachmentFiles.chunks';
const sharded = collections.filter(({ keys }) => keys.kind !== 'few');
const nothing = (): void => undefined;

/** Chunks of so many files lie by file and number, and are copied by `_id`, which names no shard. */
async function fill(database: Database): Promise<void> {
  const messages = Array.from({ length: 700 }, (_, n) => ({
    _id: new Binary(Buffer.from(String(n).padStart(24, '0'))),
    n,
  }));
  await database.collection('messages').insertMany(messages as never);
  const chunks = Array.from({ length: 12 }, (_, file) => new ObjectId(Buffer.alloc(12, file))).flatMap((files_id) =>
    [0, 1].map((n) => ({ _id: new ObjectId(), files_id, n, data: new Binary(Buffer.alloc(300_000, n)) })),
  );
  await database.collection(CHUNKS).createIndex({ files_id: 1, n: 1 }, { unique: true }, {});
  await database.collection(CHUNKS).insertMany(chunks);
}

describe('a migration between sharded clusters that refuse what names no shard', () => {
  let cluster: ShardedCluster;
  let source: Database;
  let target: Database;

  before(async () => {
    // Both databases are sharded alike, as `eider db init` leaves them.
    cluster = await startShardedCluster({
      presharded: new Map(sharded.map(({ name, shardKey }) => [name, shardKey])),
    });
    source = await openDatabase({ uri: cluster.uri, name: 'from' });
    target = await openDatabase({ uri: cluster.uri, name: 'to' });
    await fill(source);
  });
  after(async () => {
    await source.close();
    await target.close();
    await cluster.close();
  });

  it('reads each collection whole, and says so', async () => {
    const options = { sourceName: 'from', isStill: true, onProgress: nothing, onMended: nothing };
    const report = await migrateDatabase(source, target, options);
    assert.deepEqual([report.isFinished, report.passes], [true, 1]);
    assert.deepEqual(
      report.target.map(({ collection, documents }) => [collection, documents]),
      [
        [CHUNKS, 24],
        ['messages', 700],
      ],
    );
    const names = new Set(cluster.whole.map(({ name, collection }) => `${name} ${collection}`));
    assert.ok(names.has(`find ${CHUNKS}`) && names.has(`count ${CHUNKS}`), [...names].join());
  });

  it('mends chunks that are missing, differ and are too many', async () => {
    const chunks = target.collection(CHUNKS);
    const of = (file: number, n: number): { files_id: ObjectId; n: number } => ({
      files_id: new ObjectId(Buffer.alloc(12, file)),
      n,
    });
    await chunks.deleteOne(of(3, 1));
    await chunks.updateOne(of(5, 0), { $set: { data: new Binary(Buffer.from('other')) } });
    await chunks.insertOne({ _id: new ObjectId(), ...of(40, 0) });
    const found: string[] = [];
    const options = { isStill: true, onDifference: ({ kind }: { kind: string }): void => void found.push(kind) };
    await compareDatabases(source, target, { ...options, mends: true });
    assert.deepEqual(found.splice(0).sort(), ['differs', 'missing', 'stray']);
    assert.ok(cluster.whole.some(({ name, collection }) => name === 'delete' && collection === CHUNKS));
    assert.equal((await compareDatabases(source, target, options)).differences, 0);
  });

  it('is alone in that: the same commands are refused of whoever does not say so', async () => {
    const chunks = source.collection(CHUNKS);
    await assert.rejects(chunks.find({}, { sort: { _id: 1 } }).toArray(), { code: 61 });
    await assert.rejects(chunks.find({}, { comment: 'something else' }).toArray(), { code: 61 });
    await assert.rejects(chunks.deleteMany({ _id: new ObjectId() }), { code: 61 });
    // What no router can carry out is refused of everybody.
    await assert.rejects(chunks.deleteOne({ n: 0 }, { comment: WHOLE_COLLECTION_WORK.compare }), { code: 72 });
  });
});
