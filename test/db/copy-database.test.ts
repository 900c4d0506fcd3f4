import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Double, Int32, Long, MaxKey, ObjectId, type Document } from 'mongodb';
import {
  compareDatabases,
  openDatabaseCopy,
  type Comparison,
  type Database,
  type Difference,
} from '../../lib/db/index.ts';
import { openTestDatabase } from '../support/database.ts';

const NAME = 'the source';

async function fill(source: Database): Promise<void> {
  const documents = Array.from({ length: 1200 }, (_, number) => ({
    _id: Buffer.from(String(number).padStart(6, '0')) as never,
    n: new Int32(number),
    octets: Buffer.alloc(2000, number),
  }));
  await source.collection('mail').insertMany(documents);
  const keys = [
    1,
    new Double(2),
    Long.fromNumber(3),
    'text',
    '',
    new ObjectId(),
    true,
    new Date(7),
    { a: new Int32(1) },
  ];
  await source.collection('mixed').insertMany(keys.map((_id, own) => ({ _id: _id as never, one: new Double(1), own })));
  // A name behind that of the note of the whole copy, among the notes of the collections.
  await source.collection('users').insertOne({ _id: 'one' as never });
  await source.collection('mixed').createIndexes([
    { key: { one: 1 }, name: 'one' },
    { key: { own: 1, one: -1 }, name: 'own-one', unique: true },
  ]);
}

async function compare(
  source: Database,
  target: Database,
  mends?: true,
): Promise<Comparison & { found: Difference[] }> {
  const found: Difference[] = [];
  const onDifference = (difference: Difference): void => void found.push(difference);
  const options = { onDifference, isStill: true, ...(mends === undefined ? {} : { mends }) };
  const comparison = await compareDatabases(source, target, options);
  return { ...comparison, found };
}

describe('the copy of a database', () => {
  let source: Database;
  before(async () => {
    source = await openTestDatabase();
    await fill(source);
  });
  after(() => source.close());

  it('holds every document octet for octet, and the indexes', async () => {
    const target = await openTestDatabase();
    try {
      const copy = await openDatabaseCopy(source, target, NAME);
      await copy.run(() => undefined);
      await copy.finish();
      assert.equal(await target.collection('unfinished').countDocuments({}), 0, 'no note of the copy is left');
      const { differences, source: from, target: to } = await compare(source, target);
      assert.equal(differences, 0);
      assert.deepEqual(from, to);
      assert.deepEqual(
        from.map(({ collection, documents }) => [collection, documents]),
        [
          ['mail', 1200],
          ['mixed', 9],
          ['users', 1],
        ],
      );
      const indexes = async ({ db }: Database): Promise<Document[]> => {
        const found: unknown = await db.collection('mixed').listIndexes().toArray();
        return (found as Document[]).map((index) => ({ ...index, ns: undefined }));
      };
      assert.deepEqual(await indexes(target), await indexes(source));
    } finally {
      await target.close();
    }
  });

  it('goes on where it was interrupted, and refuses what is not its own', async () => {
    const target = await openTestDatabase();
    try {
      const interrupted = await openDatabaseCopy(source, target, NAME);
      await assert.rejects(
        interrupted.run(() => {
          throw new Error('killed');
        }),
        /killed/,
      );
      const half = await target.collection('mail').countDocuments({});
      assert.ok(half > 0 && half < 1200, String(half));
      await assert.rejects(openDatabaseCopy(source, target, 'another'), { name: 'TargetInUse' });
      const commands: string[] = [];
      const copy = await openDatabaseCopy(source, target, NAME);
      await copy.run(({ collection, documents }) => void commands.push(`${collection} ${String(documents)}`));
      assert.ok(!commands.includes(`mail ${String(half)}`), 'it began at the beginning');
      await copy.finish();
      assert.equal((await compare(source, target)).differences, 0);
      await assert.rejects(openDatabaseCopy(source, target, NAME), { name: 'TargetInUse' });
    } finally {
      await target.close();
    }
  });

  it('names what differs, and mends it', async () => {
    const target = await openTestDatabase();
    try {
      const copy = await openDatabaseCopy(source, target, NAME);
      await copy.run(() => undefined);
      await copy.finish();
      const key = (number: number): never => Buffer.from(String(number).padStart(6, '0')) as never;
      // The same number in another type is another document.
      await target.collection('mail').updateOne({ _id: key(7) }, { $set: { n: new Double(7) } });
      await target.collection('mail').deleteOne({ _id: key(600) });
      await target.collection('mixed').insertOne({ _id: 'tezt' as never });
      await target.collection('more').insertOne({ _id: 'x' as never });
      const { found, source: from, target: to } = await compare(source, target, true);
      assert.deepEqual(
        found.map(({ collection, kind }) => `${collection} ${kind}`),
        ['mail differs', 'mail missing', 'mixed stray', 'more stray'],
      );
      assert.match(found[0]?.key ?? '', new RegExp(Buffer.from('000007').toString('base64')));
      assert.notEqual(from[0]?.digest, to[0]?.digest);
      const mended = await compare(source, target);
      assert.deepEqual([mended.differences, mended.source], [0, mended.target]);
    } finally {
      await target.close();
    }
  });

  it('refuses keys that it does not come by, and no number that only the server keeps wrongly', async () => {
    const still = await openTestDatabase();
    try {
      await still.collection('odd').insertMany([{ _id: 'a' as never }, { _id: 'b' as never }]);
      const estimated = (counted: number): Database => ({
        ...still,
        collection: <T extends Document>(name: string) => {
          const collection = still.collection<T>(name);
          // Some servers keep an estimate as the number of a whole collection.
          const db = { command: () => Promise.resolve({ ok: 1, n: counted }) };
          return Object.create(collection, { db: { value: db } }) as typeof collection;
        },
      });
      assert.equal((await compare(estimated(3), still)).differences, 0);
      await still.collection('odd').insertOne({ _id: new MaxKey() as never });
      await assert.rejects(compare(still, still), /odd counts 3 documents, and 2 were met/);
      await assert.rejects(compare(estimated(7), still), /odd counts 3 documents, and 2 were met/);
    } finally {
      await still.close();
    }
  });
});
