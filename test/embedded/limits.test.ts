import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, rm } from 'node:fs/promises';
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

/** How many rows a file holds. */
async function committed(file: string): Promise<number> {
  const engine = await startEngine({ file, tcpPort: 0, logger: silentLogger });
  const client = new MongoClient(engine.uri);
  try {
    return await client.db('t').collection('rows').countDocuments();
  } finally {
    await client.close();
    await engine.close();
  }
}
