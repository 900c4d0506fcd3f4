import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { GridFSBucket, MongoClient } from 'mongodb';
import { attachEmbedded, startEngine } from '../../lib/embedded/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { enginePids } from './engine-pids.ts';

const MIB = 1024 * 1024;

describe('the engine within bounds', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await temporaryDirectory('bounds');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('takes and gives a file of 60 MB with less than 64 MiB more memory and a log of bounded size', async (context) => {
    const dataDir = join(directory, 'data');
    const engine = await attachEmbedded({ dataDir, logger: silentLogger, graceMs: 50 });
    const client = await new MongoClient(engine.uri).connect();
    await client.db('t').collection('warm').insertOne({ a: 1 });
    try {
      const [pid] = await enginePids(dataDir);
      const peak = (): number =>
        Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1]) * 1024;
      const before = peak();
      const bucket = new GridFSBucket(client.db('t'));
      const upload = bucket.openUploadStream('large');
      const piece = Buffer.alloc(MIB, 'x');
      for (let n = 0; n < 60; n++) if (!upload.write(piece)) await once(upload, 'drain');
      upload.end();
      await once(upload, 'finish');
      let octets = 0;
      for await (const chunk of bucket.openDownloadStream(upload.id)) octets += (chunk as Buffer).length;
      assert.equal(octets, 60 * MIB);
      const grown = peak() - before;
      const log = readFileSync(join(dataDir, 'engine.sqlite-wal')).length;
      context.diagnostic(`grew by ${(grown / MIB).toFixed(1)} MiB, log of ${(log / MIB).toFixed(1)} MiB`);
      assert.ok(grown < 64 * MIB, `${grown} octets`);
      assert.ok(log < 64 * MIB, `${log} octets`);
    } finally {
      await client.close();
      await engine.close();
      while ((await enginePids(dataDir)).length > 0) await delay(20);
    }
  });

  it('opens a torn or damaged log as some state that was committed', async () => {
    const file = join(directory, 'engine.sqlite');
    const engine = await startEngine({ file, tcpPort: 0, logger: silentLogger });
    const client = new MongoClient(engine.uri);
    const rows = client.db('t').collection<{ _id: number; key: string; d: Buffer }>('rows');
    await rows.createIndex({ key: 1 });
    for (let n = 0; n < 40; n++) await rows.insertOne({ _id: n, key: `k${n}`, d: Buffer.alloc((n % 4) * 400) });
    // As a crash leaves them: taken while the engine runs.
    const copies = { file: join(directory, 'copy.sqlite'), log: join(directory, 'copy.sqlite-wal') };
    const log = await readFile(`${file}-wal`);
    const main = await readFile(file);
    await client.close();
    await engine.close();
    let least = Infinity;
    for (let step = 1; step <= 8; step++) {
      await writeFile(copies.file, main);
      await writeFile(copies.log, log);
      const at = Math.floor((log.length * (step + 2)) / 11);
      if (step % 2 === 0) await truncate(copies.log, at);
      else await writeFile(copies.log, Buffer.from(log).fill(0xa5, at, at + 500));
      const found = await committed(copies.file);
      least = Math.min(least, found);
      await Promise.all([rm(copies.file), rm(copies.log, { force: true }), rm(`${copies.file}-shm`, { force: true })]);
    }
    assert.ok(least < 40, 'some of the damage took something away');
  });

  it('is copied when stopped', async () => {
    const file = join(directory, 'engine.sqlite');
    const engine = await startEngine({ file, tcpPort: 0, logger: silentLogger });
    const client = new MongoClient(engine.uri);
    await client.db('t').collection<{ _id: number }>('rows').insertOne({ _id: 7 });
    await client.close();
    await engine.close();
    await copyFile(file, join(directory, 'other.sqlite'));
    assert.equal(await committed(join(directory, 'other.sqlite')), 1);
  });
});

/** Opens a file and makes sure that its rows are the first so many that were written, each found by its index. */
async function committed(file: string): Promise<number> {
  const engine = await startEngine({ file, tcpPort: 0, logger: silentLogger });
  const client = new MongoClient(engine.uri);
  try {
    const rows = client.db('t').collection<{ _id: number; key?: string }>('rows');
    const found = await rows.find({}, { sort: { _id: 1 } }).toArray();
    if (found[0]?.key === undefined) return found.length;
    found.forEach(({ _id }, at) => assert.equal(_id, at));
    for (const { _id, key } of found)
      assert.equal((await rows.findOne({ key: key ?? '' }, { hint: 'key_1' }))?._id, _id);
    assert.equal(await rows.countDocuments({ key: { $gte: '' } }, { hint: 'key_1' }), found.length);
    return found.length;
  } finally {
    await client.close();
    await engine.close();
  }
}
