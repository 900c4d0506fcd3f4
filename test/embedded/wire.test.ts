import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, afterEach, describe, it } from 'node:test';
import { BSON, Long, Timestamp, UUID } from 'mongodb';
import { startEngine, type RunningEngine } from '../../lib/embedded/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { opMsg, opQuery, WireClient } from './wire-client.ts';

const CHECKSUM = 1;
const MORE_TO_COME = 2;

function nested(levels: number): BSON.Document {
  let document: BSON.Document = {};
  for (let level = 1; level < levels; level++) document = { n: document };
  return document;
}

describe('wire protocol', () => {
  let directory: string;
  let socketPath: string;
  let engine: RunningEngine;
  let client: WireClient;

  before(async () => {
    directory = await temporaryDirectory('wire');
    socketPath = join(directory, 'engine.sock');
    engine = await startEngine({ file: join(directory, 'engine.sqlite'), socketPath, logger: silentLogger });
  });
  after(async () => {
    await engine.close();
    await rm(directory, { recursive: true });
  });
  beforeEach(() => {
    client = new WireClient(socketPath);
  });
  afterEach(() => client.close());

  it('answers the legacy hello in the legacy form, as a mongos', async () => {
    client.send(opQuery(7, 'admin.$cmd', { ismaster: 1, helloOk: true, client: { driver: { name: 'x' } } }));
    const { responseTo, operation, document } = await client.reply();
    assert.equal(responseTo, 7);
    assert.equal(operation, 1);
    assert.equal(document['msg'], 'isdbgrid');
    assert.equal(document['helloOk'], true);
    assert.equal(document['isWritablePrimary'], true);
    assert.equal(document['maxWireVersion'], 21);
    assert.equal(document['logicalSessionTimeoutMinutes'], 30);
    assert.equal(document['setName'], undefined);
    assert.equal(document['topologyVersion'], undefined);
  });

  it('answers messages that arrive octet by octet, and many in one packet', async () => {
    for (const octet of opMsg(1, { ping: 1, $db: 'admin' })) client.send(Buffer.from([octet]));
    assert.equal((await client.reply()).document['ok'], 1);
    client.send(Buffer.concat([2, 3, 4].map((id) => opMsg(id, { ping: 1, $db: 'admin' }))));
    for (const id of [2, 3, 4]) assert.equal((await client.reply()).responseTo, id);
  });

  it('takes document sequences, and skips a checksum', async () => {
    const documents = [{ _id: 1 }, { _id: 2 }];
    const inserted = await client.ask(
      { insert: 's', $db: 'w' },
      { sequences: { documents }, flags: CHECKSUM, tail: Buffer.alloc(4, 0xab) },
    );
    assert.equal(inserted['n'], 2);
    assert.equal((await client.ask({ count: 's', $db: 'w' }))['n'], 2);
  });

  it('does not answer when more is to come, and what follows sees the write', async () => {
    client.send(
      opMsg(
        1,
        { insert: 'm', $db: 'w', writeConcern: { w: 0 } },
        { sequences: { documents: [{ _id: 1 }] }, flags: MORE_TO_COME },
      ),
    );
    client.send(opMsg(2, { count: 'm', $db: 'w' }));
    const { responseTo, document } = await client.reply();
    assert.equal(responseTo, 2);
    assert.equal(document['n'], 1);
  });

  describe('ends the connection, and only that, for', () => {
    const cases: readonly (readonly [string, () => Buffer])[] = [
      ['a length below the header', () => Buffer.from(opMsg(1, { ping: 1 })).fill(0, 0, 4)],
      [
        'a length beyond 48 MB',
        () => Buffer.concat([Buffer.from([0, 0xff, 0xff, 0x7f]), opMsg(1, { ping: 1 }).subarray(4)]),
      ],
      ['an unknown operation', () => opMsg(1, { ping: 1, $db: 'a' }).fill(9, 12, 13)],
      ['an unknown required flag', () => opMsg(1, { ping: 1, $db: 'a' }, { flags: 4 })],
      ['an unknown kind of section', () => opMsg(1, { ping: 1, $db: 'a' }, { tail: Buffer.from([7, 1, 2]) })],
      [
        'a document sequence that is longer than the message',
        () => opMsg(1, { ping: 1 }, { tail: Buffer.from([1, 99, 0, 0, 0, 97, 0]) }),
      ],
    ];
    for (const [what, message] of cases) {
      it(what, async () => {
        client.send(message());
        await client.closed();
        const other = new WireClient(socketPath);
        assert.equal((await other.ask({ ping: 1, $db: 'admin' }))['ok'], 1);
        other.close();
      });
    }
  });

  describe('answers, and goes on with the connection, for', () => {
    const cases: readonly (readonly [string, () => Buffer, number])[] = [
      [
        'a document whose length lies',
        () => {
          const message = opMsg(1, { ping: 1, $db: 'a' });
          message.writeInt32LE(message.readInt32LE(21) + 1, 21);
          return message;
        },
        22,
      ],
      [
        'a string that is longer than its document',
        () => {
          const message = opMsg(1, { a: 'text' });
          message.writeInt32LE(500, 21 + 4 + 3);
          return message;
        },
        22,
      ],
      ['a type that does not exist', () => opMsg(1, { a: 1 }).fill(0x55, 25, 26), 22],
      ['code, which it does not store', () => opMsg(1, { a: new BSON.Code('x') }), 2],
      ['nesting of 181 levels', () => opMsg(1, nested(181)), 15],
      ['nesting of 180 levels, which is no command', () => opMsg(1, nested(180)), 40571],
      ['no $db', () => opMsg(1, { ping: 1 }), 40571],
      ['an empty document', () => opMsg(1, {}), 40571],
    ];
    for (const [what, message, code] of cases) {
      it(what, async () => {
        client.send(message());
        assert.equal((await client.reply()).document['code'], code);
        assert.equal((await client.ask({ ping: 1, $db: 'admin' }))['ok'], 1);
      });
    }
  });

  describe('refuses by MongoDB’s code and says so', () => {
    const lsid = { id: new UUID() };
    const cases: readonly (readonly [string, BSON.Document, number])[] = [
      ['an unknown command', { mapReduce: 'c' }, 59],
      ['an unknown option', { find: 'c', tailableEver: true }, 72],
      ['a tailable cursor', { find: 'c', tailable: true }, 72],
      ['a collation', { find: 'c', collation: { locale: 'de' } }, 72],
      ['an unknown query operator', { find: 'c', filter: { a: { $near: 1 } } }, 2],
      ['an unknown top-level operator', { find: 'c', filter: { $where: 'x' } }, 2],
      ['an unknown stage', { aggregate: 'c', pipeline: [{ $out: 'x' }], cursor: {} }, 40324],
      ['a change stream', { aggregate: 'c', pipeline: [{ $changeStream: {} }], cursor: {} }, 40573],
      ['an unknown expression', { aggregate: 'c', pipeline: [{ $addFields: { a: { $zip: [] } } }], cursor: {} }, 168],
      ['a text index', { createIndexes: 'c', indexes: [{ key: { a: 'text' }, name: 'a' }] }, 115],
      ['an unknown index option', { createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a', clustered: true }] }, 72],
      ['a capped collection', { create: 'c', capped: true }, 72],
      ['a transaction', { find: 'c', lsid, txnNumber: Long.ONE, startTransaction: true, autocommit: false }, 263],
      ['a sort by position', { find: 'c', sort: { 'a.0': 1 } }, 2],
      ['an empty timestamp', { insert: 'c', documents: [{ t: new Timestamp({ t: 0, i: 0 }) }] }, 2],
      ['snapshot reads', { find: 'c', readConcern: { level: 'snapshot' } }, 72],
    ];
    for (const [what, command, code] of cases) {
      it(what, async () => {
        const reply = await client.ask({ ...command, $db: 'w' });
        assert.equal(reply['ok'], 0);
        assert.equal(reply['code'], code);
        assert.match(String(reply['errmsg']), /not supported by the embedded engine/);
        assert.equal(reply['errorLabels'], undefined);
      });
    }

    it('an unknown update operator, as an error of its statement', async () => {
      const updates = [{ q: {}, u: { $foo: { a: 1 } } }];
      const { writeErrors } = await client.ask({ update: 'c', updates, $db: 'w' });
      assert.equal((writeErrors as BSON.Document[])[0]?.['code'], 9);
    });

    it('a hint that names no index', async () => {
      await client.ask({ create: 'hinted', $db: 'w' });
      assert.equal((await client.ask({ find: 'hinted', hint: 'nope_1', $db: 'w' }))['code'], 2);
    });

    it('a write concern of more than one server', async () => {
      const reply = await client.ask({ insert: 'c', documents: [{ _id: 1 }], writeConcern: { w: 3 }, $db: 'w' });
      assert.equal(reply['code'], 100);
    });
  });

  it('takes a document of 16 MiB and refuses one octet more', async () => {
    const empty = BSON.calculateObjectSize({ _id: 1, d: new BSON.Binary(Buffer.alloc(0)) });
    const limit = 16 * 1024 * 1024;
    const documents = (_id: number, size: number): BSON.Document[] => [
      { _id, d: new BSON.Binary(Buffer.alloc(size - empty)) },
    ];
    for (const [id, size, inserted] of [
      [1, limit - 1, 1],
      [2, limit, 1],
      [3, limit + 1, 0],
    ] as const) {
      const reply = await client.ask({ insert: 'big', $db: 'w' }, { sequences: { documents: documents(id, size) } });
      assert.equal(reply['n'], inserted);
      if (inserted === 0) assert.equal((reply['writeErrors'] as BSON.Document[])[0]?.['code'], 10334);
    }
    await client.ask({ drop: 'big', $db: 'w' });
  });

  it('fails a query that reads more than was allowed for want of an index, and no other', async () => {
    const file = join(directory, 'scan.sqlite');
    const path = join(directory, 'scan.sock');
    const strict = await startEngine({ file, socketPath: path, logger: silentLogger, maxScan: 10 });
    const other = new WireClient(path);
    await other.ask({ insert: 'c', documents: Array.from({ length: 11 }, (_, _id) => ({ _id, a: _id })), $db: 'w' });
    assert.equal((await other.ask({ find: 'c', filter: { a: 5 }, $db: 'w' }))['code'], 2);
    assert.equal((await other.ask({ find: 'c', filter: { _id: { $gte: 0 } }, $db: 'w' }))['ok'], 1);
    assert.equal((await other.ask({ find: 'c', filter: { a: 5 }, limit: 1, singleBatch: true, $db: 'w' }))['ok'], 1);
    other.close();
    await strict.close();
  });

  it('stops reading from a client that does not read its replies', async () => {
    await client.ask({ insert: 'slow', documents: [{ _id: 1, d: Buffer.alloc(300_000) }], $db: 'w' });
    const slow = new WireClient(socketPath);
    slow.socket.pause();
    const before = engine.counters.reads;
    for (let n = 0; n < 60; n++) slow.send(opMsg(n, { find: 'slow', $db: 'w' }));
    // Others are served meanwhile, and far fewer than the 60 replies were made.
    for (let n = 0; n < 20; n++) await client.ask({ ping: 1, $db: 'w' });
    assert.ok(engine.counters.reads - before < 60, `${engine.counters.reads - before} reads`);
    slow.socket.resume();
    for (let n = 0; n < 60; n++) assert.equal((await slow.reply()).responseTo, n);
    slow.close();
  });

  it('begins no command that was taken while another took long, until the client reads', async () => {
    await client.ask({ insert: 'slow', documents: [{ _id: 1, d: Buffer.alloc(300_000) }], $db: 'w' });
    const documents = Array.from({ length: 5_000 }, (_, _id) => ({ _id, a: _id }));
    await client.ask({ insert: 'long', documents, $db: 'w' });
    const slow = new WireClient(socketPath);
    slow.socket.pause();
    await once(slow.socket, 'connect');
    const before = engine.counters.reads;
    const long = { aggregate: 'long', pipeline: [{ $match: { a: -1 } }], cursor: {}, $db: 'w' };
    const short = { find: 'slow', $db: 'w' };
    slow.send(Buffer.concat(Array.from({ length: 60 }, (_, n) => opMsg(n, n === 0 ? long : short))));
    let pings = 0;
    const shortOnes = (): number => engine.counters.reads - before - pings - 1;
    const ping = async (): Promise<void> => {
      pings += 1;
      await client.ask({ ping: 1, $db: 'w' });
    };
    while (shortOnes() < 1) await ping();
    for (let n = 0; n < 20; n++) await ping();
    assert.ok(shortOnes() < 10, `${shortOnes()} were begun`);
    slow.socket.resume();
    for (let n = 0; n < 60; n++) assert.equal((await slow.reply()).responseTo, n);
    slow.close();
  });
});
