import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Long, type Document } from 'mongodb';
import { startEngine, type RunningEngine } from '../../lib/embedded/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { opMsg, WireClient } from './wire-client.ts';

const DOCUMENTS = 20_000;

describe('what takes long is done in slices', () => {
  let directory: string;
  let engine: RunningEngine;
  let socketPath: string;
  let client: WireClient;
  let other: WireClient;
  const warnings: Record<string, unknown>[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => void warnings.push({ ...fields }) };

  before(async () => {
    directory = await temporaryDirectory('slices');
    socketPath = join(directory, 'engine.sock');
    engine = await startEngine({ file: join(directory, 'engine.sqlite'), socketPath, logger });
    client = new WireClient(socketPath);
    other = new WireClient(socketPath);
    for (let from = 0; from < DOCUMENTS; from += 5000) {
      const documents = Array.from({ length: 5000 }, (_, n) => ({
        _id: from + n,
        a: (from + n) % 1000,
        t: 'x'.repeat(50),
      }));
      await client.ask({ insert: 'c', $db: 's' }, { sequences: { documents } });
    }
  });
  after(async () => {
    client.close();
    other.close();
    await engine.close();
    await rm(directory, { recursive: true });
  });

  /** A command of one client, and how many pings of another were answered before it. */
  const beside = async (command: Document): Promise<{ reply: Document; pings: number }> => {
    let isDone = false;
    const answered = client.ask({ ...command, $db: 's' }).then((reply) => {
      isDone = true;
      return reply;
    });
    let pings = 0;
    for (; !isDone; pings++) await other.ask({ ping: 1, $db: 's' });
    return { reply: await answered, pings };
  };

  const scan = { a: { $gt: 5000 } };
  const group = { $group: { _id: '$a', n: { $sum: 1 } } };
  const cases: readonly (readonly [string, Document, (reply: Document) => unknown, unknown])[] = [
    ['a find', { find: 'c', filter: scan }, ({ cursor }) => (cursor as { firstBatch: [] }).firstBatch.length, 0],
    ['a count', { count: 'c', query: { t: /^x+$/ } }, ({ n }) => n as unknown, DOCUMENTS],
    ['a distinct', { distinct: 'c', key: 'a' }, ({ values }) => (values as []).length, 1000],
    [
      'a sort',
      { find: 'c', sort: { t: 1, a: -1 }, limit: 1 },
      ({ cursor }) => (cursor as { firstBatch: Document[] }).firstBatch[0]?.['a'] as unknown,
      999,
    ],
    [
      'a group',
      { aggregate: 'c', pipeline: [group, { $count: 'n' }], cursor: {} },
      ({ cursor }) => (cursor as { firstBatch: Document[] }).firstBatch[0]?.['n'] as unknown,
      1000,
    ],
    [
      'an explain',
      { explain: { count: 'c', query: scan }, verbosity: 'executionStats' },
      ({ executionStats }) => (executionStats as Document)['totalDocsExamined'] as unknown,
      DOCUMENTS,
    ],
    [
      'the reading of an update',
      { update: 'c', updates: [{ q: { a: 7 }, u: { $set: { b: 1 } }, multi: true }] },
      ({ nModified }) => nModified as unknown,
      DOCUMENTS / 1000,
    ],
    ['the reading of a removal', { delete: 'c', deletes: [{ q: scan, limit: 0 }] }, ({ n }) => n as unknown, 0],
  ];
  for (const [what, command, result, expected] of cases) {
    it(`${what}, and others are served meanwhile`, async () => {
      const { reply, pings } = await beside(command);
      assert.equal(reply['ok'], 1, JSON.stringify(reply));
      assert.equal(result(reply), expected);
      assert.ok(pings >= 3, `${pings} pings`);
    });
  }

  it('answers one client in the order of its commands', async () => {
    client.send(opMsg(1, { count: 'c', query: scan, $db: 's' }));
    client.send(opMsg(2, { ping: 1, $db: 's' }));
    client.send(opMsg(3, { insert: 'o', documents: [{ _id: 1 }], $db: 's' }));
    client.send(opMsg(4, { count: 'o', $db: 's' }));
    client.send(opMsg(5, { update: 'o', updates: [{ q: {}, u: { $inc: { n: 1 } }, multi: true }], $db: 's' }));
    client.send(opMsg(6, { find: 'o', filter: { n: 1 }, $db: 's' }));
    const replies = [];
    for (let n = 0; n < 6; n++) replies.push(await client.reply());
    assert.deepEqual(
      replies.map(({ responseTo }) => responseTo),
      [1, 2, 3, 4, 5, 6],
    );
    assert.equal(replies[3]?.document['n'], 1);
    assert.equal((replies[5]?.document['cursor'] as { firstBatch: [] }).firstBatch.length, 1);
  });

  it('takes no more than 64 unanswered commands of a client', async () => {
    const eager = new WireClient(socketPath);
    eager.send(Buffer.concat(Array.from({ length: 500 }, (_, n) => opMsg(n, { count: 'c', query: scan, $db: 's' }))));
    await other.ask({ ping: 1, $db: 's' });
    const before = engine.counters.reads;
    await other.ask({ ping: 1, $db: 's' });
    assert.ok(engine.counters.reads - before < 64);
    for (let n = 0; n < 3; n++) assert.equal((await eager.reply()).responseTo, n);
    eager.close();
  });

  it('ends when its time is over', async () => {
    assert.equal((await client.ask({ count: 'c', query: { t: /y/ }, maxTimeMS: 1, $db: 's' }))['code'], 50);
  });

  it('stops when its client goes', async () => {
    const reads = async (): Promise<void> => {
      await other.ask({ ping: 1, $db: 's' });
    };
    const gone = new WireClient(socketPath);
    const pipeline = Array.from({ length: 200 }, () => ({ $match: { t: /^x*$/ } }));
    gone.send(opMsg(1, { aggregate: 'c', pipeline, cursor: {}, $db: 's' }));
    await reads();
    gone.close();
    await gone.closed();
    // The engine hears of it between two slices.
    await reads();
    await reads();
    const { slices } = engine.counters as unknown as { slices: number };
    for (let n = 0; n < 20; n++) await reads();
    assert.equal((engine.counters as unknown as { slices: number }).slices, slices);
  });

  it('fails when its collection is dropped', async () => {
    const documents = Array.from({ length: 5000 }, (_, _id) => ({ _id, t: 'x'.repeat(200) }));
    await other.ask({ insert: 'd', $db: 's' }, { sequences: { documents } });
    const answered = client.ask({ count: 'd', query: { t: /^x+y$/ }, $db: 's' });
    await other.ask({ drop: 'd', $db: 's' });
    assert.equal((await answered)['code'], 175);
  });

  it('a cursor is used by one getMore at a time, and ends when it is killed meanwhile', async () => {
    const { cursor } = await client.ask({ find: 'c', filter: {}, batchSize: 1, $db: 's' });
    const { id } = cursor as { id: Long };
    const slow = { getMore: Long.fromValue(id), collection: 'c', $db: 's' };
    const first = client.ask({ ...slow, batchSize: 1_000_000 });
    const codes = [
      (await other.ask(slow))['code'],
      (await other.ask({ killCursors: 'c', cursors: [slow.getMore], $db: 's' }))['ok'],
    ];
    assert.deepEqual(codes, [12051, 1]);
    assert.equal((await first)['code'], 237);
  });

  it('a query without an index is told once for its shape', () => {
    const told = warnings.filter(({ shape }) => shape === '{ a: $gt }');
    assert.equal(told.length, 1);
  });
});
