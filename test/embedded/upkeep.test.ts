import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Binary, MongoClient, type Document } from 'mongodb';
import { acceptLoss, attachUpkeep, repairStopped, startEngine, type RunningEngine } from '../../lib/embedded/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';

interface Row {
  readonly _id: number;
  readonly key: string;
  readonly tags: readonly string[];
  readonly data: Binary;
}

const row = (n: number, octets = [10, 900, 3000][n % 3] as number): Row => ({
  _id: n,
  key: `key ${n}`,
  tags: ['all', `tag ${n % 5}`],
  data: new Binary(Buffer.alloc(octets, n)),
});

describe('upkeep of the engine', () => {
  let directory: string;
  let dataDir: string;
  let file: string;
  let engine: RunningEngine | undefined;
  let client: MongoClient;

  const rowsOf = () => client.db('t').collection<Row>('rows');
  const admin = async (command: Document): Promise<Document> => client.db('admin').command(command);

  async function open(): Promise<void> {
    engine = await startEngine({ file, tcpPort: 0, logger: silentLogger });
    client = new MongoClient(engine.uri);
  }
  async function close(): Promise<void> {
    await client.close();
    await engine?.close();
    engine = undefined;
  }

  beforeEach(async () => {
    directory = await temporaryDirectory('upkeep');
    dataDir = join(directory, 'data');
    file = join(dataDir, 'engine.sqlite');
    await mkdir(dataDir, { mode: 0o700 });
    await open();
    await rowsOf().createIndex({ key: 1 }, { unique: true }, {});
    await rowsOf().createIndex({ tags: 1 }, {}, {});
    await rowsOf().insertMany(Array.from({ length: 200 }, (_, n) => row(n)));
  });
  afterEach(async () => {
    await close();
    await rm(directory, { recursive: true, force: true });
  });

  describe('a copy', () => {
    it('is one state of the file, whatever is written meanwhile, and an engine runs on it', async () => {
      const copy = join(directory, 'copy.sqlite');
      let isOver = false;
      let n = 1000;
      // Each pair comes and goes in one write, so that no state holds one of the two.
      const writer = (async () => {
        for (; !isOver; n += 2) {
          await rowsOf().insertOne(row(n));
          await rowsOf().updateOne({ _id: n }, { $set: { tags: ['all', `pair ${n}`] } });
        }
      })();
      const before = await rowsOf().countDocuments();
      const reply = await admin({ eiderBackup: 1, path: copy });
      isOver = true;
      await writer;
      const found = await stat(copy);
      assert.equal(found.mode & 0o777, 0o600);
      assert.equal(Number(reply['octets']), found.size);
      await assert.rejects(stat(`${copy}.partial`), { code: 'ENOENT' });
      const other = await startEngine({ file: copy, tcpPort: 0, logger: silentLogger });
      const otherClient = new MongoClient(other.uri);
      const rows = otherClient.db('t').collection<Row>('rows');
      const count = await rows.countDocuments();
      assert.ok(count >= before && count <= before + (n - 1000) / 2, `${count} rows`);
      assert.equal((await otherClient.db('admin').command({ eiderCheck: 1 }))['damages'], 0);
      assert.deepEqual((await rows.findOne({ key: 'key 199' }))?.data.buffer, Buffer.alloc(900, 199));
      await otherClient.close();
      await other.close();
    });

    it('takes the place of nothing, and has an absolute path', async () => {
      const taken = join(directory, 'taken');
      await writeFile(taken, 'mine');
      await assert.rejects(admin({ eiderBackup: 1, path: taken }), { code: 48 });
      assert.equal(await readFile(taken, 'utf8'), 'mine');
      for (const path of ['copy', './copy', `${directory}/../copy`, `${directory}/`, '']) {
        await assert.rejects(admin({ eiderBackup: 1, path }), { code: 2 }, path);
      }
      await assert.rejects(admin({ eiderBackup: 1, path: join(directory, 'no', 'where') }), { code: 96 });
    });

    it('is made one at a time', async () => {
      const [first, second] = await Promise.allSettled([
        admin({ eiderBackup: 1, path: join(directory, 'a') }),
        admin({ eiderBackup: 1, path: join(directory, 'b') }),
      ]);
      const refused = [first, second].filter((result) => result.status === 'rejected');
      assert.deepEqual(
        refused.map(({ reason }) => (reason as { code: number }).code),
        [117],
      );
    });
  });

  it('compaction gives the space of what was deleted back, and a crash during it loses nothing', async () => {
    await rowsOf().insertMany(Array.from({ length: 3000 }, (_, n) => row(n + 1000, 2500)));
    await rowsOf().deleteMany({ _id: { $gte: 1000 }, key: { $not: /0$/ } });
    const before = (await rowsOf().find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
    const compacting = client.db('t').command({ compact: 'rows' });
    const crashed = join(directory, 'crashed');
    await mkdir(crashed);
    // Its steps are transactions: files taken between two of them are what a crash would leave.
    await new Promise((resolve) => setTimeout(resolve, 30));
    for (const part of ['', '-wal', '-acknowledged']) {
      copyFileSync(`${file}${part}`, join(crashed, `engine.sqlite${part}`));
    }
    const { bytesFreed } = (await compacting) as { bytesFreed: number };
    assert.ok(bytesFreed > 4_000_000, `${bytesFreed} octets`);
    assert.equal((await admin({ eiderCheck: 1 }))['damages'], 0);
    assert.deepEqual((await rowsOf().findOne({ key: 'key 1500' }))?.data.buffer, Buffer.alloc(2500, 1500));
    await close();
    assert.ok((await stat(file)).size < 3_000_000);
    const whole = file;
    file = join(crashed, 'engine.sqlite');
    await open();
    assert.equal((await admin({ eiderCheck: 1 }))['damages'], 0);
    const after = (await rowsOf().find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
    assert.deepEqual(after, before);
    file = whole;
  });

  it('serverStatus tells what the data takes on the disk', async () => {
    const { storage } = (await admin({ serverStatus: 1 })) as { storage: Record<string, number> };
    assert.ok(Number(storage['usedOctets']) > 100_000 && Number(storage['logInUseOctets']) > 100_000);
    await rowsOf().deleteMany({});
    const after = (await admin({ serverStatus: 1 })) as { storage: Record<string, number> };
    assert.ok(Number(after.storage['freeOctets']) > 100_000);
    assert.ok(Number(after.storage['usedOctets']) < Number(storage['usedOctets']));
  });

  it('validate answers as MongoDB does', async () => {
    const { keysPerIndex, ...reply } = await client.db('t').command({ validate: 'rows', full: true });
    assert.deepEqual(keysPerIndex, { _id_: 200, key_1: 200, tags_1: 400 });
    assert.equal(reply['valid'], true);
    assert.equal(reply['nrecords'], 200);
    assert.deepEqual(reply['errors'], []);
    await assert.rejects(client.db('t').command({ validate: 'nothing' }), { code: 26 });
    await assert.rejects(client.db('t').command({ validate: 'rows', repair: true }), { code: 72 });
  });

  /** Damages below the engine, what names them, and whether a repair mends them. */
  const DAMAGES: readonly (readonly [what: string, sql: string, named: RegExp, isMended: boolean])[] = [
    [
      'an index entry that is gone',
      `DELETE FROM tree WHERE key = (SELECT max(key) FROM tree WHERE substr(key, 1, 7) = x'11000000010001')`,
      /t\.rows: _id 99: the index key_1 does not lead to it/,
      true,
    ],
    [
      'an index entry of no document',
      `INSERT INTO tree VALUES (x'11000000010001ff', x'ff', NULL, NULL)`,
      /t\.rows: _id 0xff: an entry of the index key_1 leads to no document/,
      true,
    ],
    [
      'an index entry that leads to another document',
      `UPDATE tree SET value = (SELECT min(value) FROM tree WHERE substr(key, 1, 7) = x'11000000010001'), sum = NULL
         WHERE key = (SELECT max(key) FROM tree WHERE substr(key, 1, 7) = x'11000000010001')`,
      /_id 99: the index key_1 does not lead to it/,
      true,
    ],
    [
      'an index entry that cannot be read',
      `UPDATE tree SET value = x'00' WHERE key = (SELECT max(key) FROM tree WHERE substr(key, 1, 7) = x'11000000010002')`,
      /the index tags_1 does not lead to it/,
      true,
    ],
    [
      'a value that nothing points to',
      `INSERT INTO heap (value) VALUES (x'0500000000')`,
      /nothing points to row/,
      true,
    ],
    [
      'a document whose row is gone',
      `DELETE FROM tree WHERE heapRow = (SELECT min(row) FROM heap)`,
      /nothing leads to the document in row/,
      true,
    ],
    [
      'a large document whose value is gone',
      `DELETE FROM heap WHERE row = (SELECT min(row) FROM heap)`,
      /row \d+ of the value heap is missing/,
      false,
    ],
    [
      'a document that is not what was written',
      `UPDATE heap SET value = CAST(substr(value, 1, 200) || x'ee' || substr(value, 202) AS BLOB)
         WHERE row = (SELECT min(row) FROM heap)`,
      /t\.rows: _id 0x[0-9a-f]+: the data is damaged: a value has another checksum/,
      false,
    ],
    [
      'a document that is no BSON, from before there were checksums',
      `UPDATE tree SET value = x'0a000000', sum = NULL WHERE key = (SELECT min(key) FROM tree WHERE key > x'10')`,
      /Invalid BSON/,
      false,
    ],
    [
      'rows of no collection',
      `INSERT INTO tree VALUES (x'100000ffff00', x'0500000000', NULL, NULL)`,
      /1 rows that begin with 0x100000ffff belong to nothing/,
      false,
    ],
    [
      'rows of no kind',
      `INSERT INTO tree VALUES (x'7700', x'00', NULL, NULL)`,
      /begin with 0x77 belong to nothing/,
      false,
    ],
  ];

  for (const [what, sql, named, isMended] of DAMAGES) {
    it(`a check names ${what}; a repair ${isMended ? 'mends it' : 'leaves it'}`, async () => {
      await close();
      const database = new DatabaseSync(file);
      const { changes } = database.prepare(sql).run();
      database.close();
      assert.equal(changes, 1);
      await open();
      const checked = await admin({ eiderCheck: 1 });
      assert.match((checked['found'] as string[]).join('\n'), named);
      await close();
      const { mended, left } = repairStopped(dataDir, 'test');
      await open();
      const again = await admin({ eiderCheck: 1 });
      assert.equal(again['damages'], left.length);
      if (!isMended) {
        assert.match(left.join('\n'), named);
        return;
      }
      assert.match(mended.join('\n'), named);
      assert.deepEqual(left, []);
      assert.equal(await rowsOf().countDocuments({ key: { $gte: '' } }, { hint: 'key_1' }), 200);
      assert.equal(await rowsOf().countDocuments({ tags: 'all' }, { hint: 'tags_1' }), 200);
    });
  }

  it('a check writes nothing', async () => {
    const logInUse = async (): Promise<number> => {
      const { storage } = (await admin({ serverStatus: 1 })) as { storage: Record<string, number> };
      return Number(storage['logInUseOctets']);
    };
    const before = await logInUse();
    await admin({ eiderCheck: 1 });
    await client.db('t').command({ validate: 'rows' });
    await admin({ eiderBackup: 1, path: join(directory, 'copy.sqlite') });
    assert.equal(await logInUse(), before);
  });

  it('a file from before there were checksums and owners is served, and gets them as it is written', async () => {
    await close();
    const database = new DatabaseSync(file);
    database.exec('ALTER TABLE tree DROP COLUMN sum; ALTER TABLE heap DROP COLUMN key');
    database.close();
    await open();
    assert.equal((await admin({ eiderCheck: 1 }))['damages'], 0);
    assert.deepEqual((await rowsOf().findOne({ key: 'key 2' }))?.data.buffer, Buffer.alloc(3000, 2));
    await rowsOf().updateOne({ _id: 2 }, { $set: { data: new Binary(Buffer.alloc(3100, 9)) } });
    await client.db('t').command({ compact: 'rows' });
    assert.equal((await admin({ eiderCheck: 1 }))['damages'], 0);
    assert.deepEqual((await rowsOf().findOne({ _id: 2 }))?.data.buffer, Buffer.alloc(3100, 9));
    await close();
    const after = new DatabaseSync(file, { readOnly: true });
    const owned = after.prepare('SELECT count(*) AS n FROM heap WHERE key IS NOT NULL').get();
    after.close();
    assert.equal(owned?.['n'], 1);
    await open();
  });

  it('a damaged value is given to nobody', async () => {
    await close();
    const database = new DatabaseSync(file);
    database.exec(
      `UPDATE heap SET value = CAST(substr(value, 1, 200) || x'ee' || substr(value, 202) AS BLOB)
         WHERE row = (SELECT min(row) FROM heap)`,
    );
    database.close();
    await open();
    await assert.rejects(rowsOf().findOne({ _id: 1 }), { code: 1 });
    assert.equal((await rowsOf().findOne({ _id: 2 }))?._id, 2);
  });

  it('an engine that lacks what was acknowledged refuses at once, says why, and goes on when told to', async () => {
    const crashed = join(directory, 'crashed');
    await mkdir(crashed);
    for (const part of ['', '-acknowledged']) await copyFile(`${file}${part}`, join(crashed, `engine.sqlite${part}`));
    const began = performance.now();
    await assert.rejects(
      attachUpkeep({ dataDir: crashed, logger: silentLogger }),
      /refuses to start: .*log is missing; \d+ frames of it were acknowledged; 'eider db check --accept-loss'/,
    );
    assert.ok(performance.now() - began < 10_000);
    const accepted = acceptLoss(crashed, 'test');
    assert.match(accepted?.damage ?? '', /log is missing/);
    assert.equal(accepted?.kept.length, 2);
    assert.equal(acceptLoss(crashed, 'test'), undefined);
    const upkeep = await attachUpkeep({ dataDir: crashed, logger: silentLogger, graceMs: 50 });
    assert.equal((await upkeep.check()).damages, 0);
    await upkeep.close();
  });

  it('a damaged record is replaced when its loss is accepted, and nothing else is lost', async () => {
    await close();
    await writeFile(`${file}-acknowledged`, 'no record at all, and longer than one would ever be');
    await assert.rejects(open(), /acknowledged is damaged/);
    assert.match(acceptLoss(dataDir, 'test')?.damage ?? '', /acknowledged is damaged/);
    await open();
    assert.equal(await rowsOf().countDocuments(), 200);
    await close();
    await open();
  });

  it('repairs nothing while an engine runs', () => {
    assert.throws(() => repairStopped(dataDir, 'test'), { name: 'OwnedElsewhereError' });
    assert.throws(() => acceptLoss(dataDir, 'test'), { name: 'OwnedElsewhereError' });
  });
});
