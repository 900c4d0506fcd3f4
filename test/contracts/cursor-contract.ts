import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Long, type Document } from 'mongodb';
import { codeOf, type ContractBench, type Row } from './subject.ts';

const numbered = (count: number): Row[] => Array.from({ length: count }, (_, n) => ({ _id: n }));

export function registerCursorContract(bench: ContractBench): void {
  /** A find as the protocol has it: the reply with its first batch. */
  const find = (command: Document): Promise<Document> => bench.db.command(command, { promoteLongs: false });
  const idOf = (reply: Document): Long => Long.fromValue((reply['cursor'] as { id: Long }).id);

  describe('cursors', () => {
    it('give batches of the sizes asked for, and end with the last', async () => {
      const rows = bench.fresh();
      await rows.insertMany(numbered(10));
      const session = bench.client.startSession();
      const first = await bench.db.command(
        { find: rows.collectionName, sort: { _id: 1 }, batchSize: 4 },
        { session, promoteLongs: false },
      );
      const more = (batchSize: number): Promise<Document> =>
        bench.db.command(
          { getMore: idOf(first), collection: rows.collectionName, batchSize },
          { session, promoteLongs: false },
        );
      const sizes = [(first['cursor'] as { firstBatch: unknown[] }).firstBatch.length];
      const second = await more(3);
      sizes.push((second['cursor'] as { nextBatch: unknown[] }).nextBatch.length);
      const last = await more(10);
      sizes.push((last['cursor'] as { nextBatch: unknown[] }).nextBatch.length);
      assert.deepEqual(sizes, [4, 3, 3]);
      assert.ok(idOf(last).isZero());
      await session.endSession();
    });

    it('open without documents for a batch of none', async () => {
      const rows = bench.fresh();
      await rows.insertMany(numbered(3));
      const reply = await find({ find: rows.collectionName, batchSize: 0 });
      assert.deepEqual((reply['cursor'] as { firstBatch: unknown[] }).firstBatch, []);
      assert.ok(!idOf(reply).isZero());
      assert.equal((await bench.db.command({ killCursors: rows.collectionName, cursors: [idOf(reply)] }))['ok'], 1);
    });

    it('stay closed for a single batch, and for a limit that is reached', async () => {
      const rows = bench.fresh();
      await rows.insertMany(numbered(9));
      const single = await find({ find: rows.collectionName, batchSize: 2, singleBatch: true });
      const limited = await find({ find: rows.collectionName, limit: 4 });
      assert.deepEqual([idOf(single).isZero(), idOf(limited).isZero()], [true, true]);
    });

    it('tell which were killed and which were not there', bench.needs('killedCursors'), async () => {
      const rows = bench.fresh();
      await rows.insertMany(numbered(9));
      const id = idOf(await find({ find: rows.collectionName, batchSize: 2 }));
      const nobody = Long.fromNumber(77);
      const reply = await bench.db.command(
        { killCursors: rows.collectionName, cursors: [id, nobody] },
        { promoteLongs: false },
      );
      assert.deepEqual([String(reply['cursorsKilled']), String(reply['cursorsNotFound'])], [String(id), '77']);
      assert.equal(await codeOf(find({ getMore: id, collection: rows.collectionName })), 43);
    });

    it('belong to their collection', bench.needs('cursorNamespace'), async () => {
      const rows = bench.fresh();
      await rows.insertMany(numbered(9));
      const session = bench.client.startSession();
      const reply = await bench.db.command(
        { find: rows.collectionName, batchSize: 2 },
        { session, promoteLongs: false },
      );
      const other = bench.db.command({ getMore: idOf(reply), collection: 'another' }, { session });
      assert.equal(await codeOf(other), 13);
      await session.endSession();
    });

    it('belong to their session and end with it', bench.needs('cursorSession'), async () => {
      const rows = bench.fresh();
      await rows.insertMany(numbered(9));
      const [session, other] = [bench.client.startSession(), bench.client.startSession()];
      const reply = await bench.db.command(
        { find: rows.collectionName, batchSize: 2 },
        { session, promoteLongs: false },
      );
      const getMore = { getMore: idOf(reply), collection: rows.collectionName };
      assert.equal(await codeOf(bench.db.command(getMore, { session: other })), 50738);
      await bench.client.db('admin').command({ endSessions: [session.id] });
      assert.equal(await codeOf(bench.db.command(getMore, { session })), 43);
      await Promise.all([session.endSession(), other.endSession()]);
    });

    it('that need not time out are taken', async () => {
      const rows = bench.fresh();
      await rows.insertMany(numbered(5));
      const found = await rows.find({}, { noCursorTimeout: true, batchSize: 2 }).toArray();
      assert.equal(found.length, 5);
    });

    it('end with their collection', bench.needs('cursorDrop'), async () => {
      const rows = bench.fresh();
      await rows.insertMany(numbered(20));
      const cursor = rows.find({}, { batchSize: 5 });
      await cursor.next();
      await rows.drop();
      assert.ok([43, 175].includes(Number(await codeOf(cursor.toArray()))));
    });

    it('a thousand of them are open at once', async () => {
      const rows = bench.fresh();
      await rows.insertMany(numbered(3));
      const cursors = Array.from({ length: 1000 }, () => rows.find({}, { batchSize: 1 }));
      for (const cursor of cursors) assert.ok(await cursor.hasNext());
      assert.equal((await cursors[500]?.toArray())?.length, 3);
      await Promise.all(cursors.map((cursor) => cursor.close()));
    });
  });
}
