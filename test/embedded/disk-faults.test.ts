import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, type TestContext } from 'node:test';
import { Binary, MongoClient } from 'mongodb';
import { startEngine } from '../../lib/embedded/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { startEngineChild, type EngineChild } from './engine-child.ts';

interface Row {
  readonly _id: number;
  readonly data: Binary;
}

const FAILED = 70;
const DISK_FULL = 14031;
const MIB = 1024 * 1024;

const canTrace = (): boolean => spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', 'true']).status === 0;
const withoutTrace = !canTrace() && 'strace is not to be had';

/** The engine behind a strace that meddles with each sync of it. */
const meddled = (how: string): string[] =>
  `strace -f -qq -o /dev/null -e trace=fsync,fdatasync -e inject=fsync,fdatasync:${how}`.split(' ');

describe('an engine on a disk', { timeout: 120_000 }, () => {
  let directory: string;
  let dataDir: string;
  let child: EngineChild | undefined;
  let client: MongoClient | undefined;

  beforeEach(async () => {
    directory = await temporaryDirectory('disk');
    dataDir = join(directory, 'data');
    await mkdir(dataDir, { mode: 0o700 });
  });
  afterEach(async () => {
    child?.process.kill('SIGKILL');
    await child?.ended;
    await client?.close();
    spawnSync('umount', [dataDir]);
    await rm(directory, { recursive: true, force: true });
  });

  function connect(engine: EngineChild) {
    client = new MongoClient(engine.uri, {
      retryWrites: false,
      serverSelectionTimeoutMS: 5000,
      maxPoolSize: 20,
      minPoolSize: 20,
    });
    return client.db('t').collection<Row>('rows');
  }

  async function assertAllThere(acknowledged: readonly number[]): Promise<void> {
    const engine = await startEngine({ file: join(dataDir, 'engine.sqlite'), tcpPort: 0, logger: silentLogger });
    const own = new MongoClient(engine.uri);
    try {
      const found = new Set((await own.db('t').collection<Row>('rows').find().toArray()).map(({ _id }) => _id));
      assert.deepEqual(
        acknowledged.filter((id) => !found.has(id)),
        [],
      );
      assert.equal((await own.db('admin').command({ eiderCheck: 1 }))['damages'], 0);
    } finally {
      await own.close();
      await engine.close();
    }
  }

  it('that is full says so, keeps what it has, and goes on when there is room again', async (context: TestContext) => {
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', dataDir]);
    if (status !== 0) {
      context.skip('no file system can be mounted');
      return;
    }
    const filler = join(dataDir, 'filler');
    await writeFile(filler, Buffer.alloc(4 * MIB));
    child = await startEngineChild(dataDir);
    const rows = connect(child);
    const acknowledged: number[] = [];
    const write = async (_id: number): Promise<number | undefined> => {
      try {
        await rows.insertOne({ _id, data: new Binary(Buffer.alloc(100_000, _id)) });
        acknowledged.push(_id);
        return undefined;
      } catch (error) {
        return (error as { code?: number }).code;
      }
    };
    let n = 0;
    let code: number | undefined;
    while (code === undefined && n < 200) code = await write(n++);
    assert.equal(code, DISK_FULL);
    assert.equal(await write(n++), DISK_FULL);
    assert.equal(await rows.countDocuments(), acknowledged.length);
    await rm(filler);
    const before = acknowledged.length;
    for (let more = 0; more < 5; more++) assert.equal(await write(n++), undefined);
    assert.equal(acknowledged.length, before + 5);
    child.process.kill('SIGKILL');
    await child.ended;
    await assertAllThere(acknowledged);
  });

  it('whose syncs fail acknowledges nothing any more and ends', { skip: withoutTrace }, async () => {
    child = await startEngineChild(dataDir, meddled('error=EIO:when=25+'));
    const rows = connect(child);
    const acknowledged: number[] = [];
    let refused = 0;
    for (let _id = 0; _id < 60; _id++) {
      await rows.insertOne({ _id, data: new Binary(Buffer.alloc(500)) }).then(
        () => acknowledged.push(_id),
        () => (refused += 1),
      );
      // Nothing is acknowledged behind the first that was not.
      if (refused > 0) assert.ok(acknowledged.length + refused === _id + 1 && !acknowledged.includes(_id));
      if (refused > 2) break;
    }
    assert.ok(acknowledged.length > 0 && refused > 0);
    assert.equal(await child.ended, FAILED);
    await assertAllThere(acknowledged);
  });

  it('that is slow serves many at once: they share its syncs', { skip: withoutTrace }, async (context) => {
    const slowMs = 100;
    child = await startEngineChild(dataDir, meddled(`delay_exit=${slowMs * 1000}`));
    const rows = connect(child);
    await rows.insertOne({ _id: -1, data: new Binary(Buffer.alloc(10)) });
    const acknowledged: number[] = [];
    const began = performance.now();
    await Promise.all(
      Array.from({ length: 20 }, async (_, lane) => {
        for (let n = 0; n < 6; n++) {
          const _id = lane * 100 + n;
          await rows.insertOne({ _id, data: new Binary(Buffer.alloc(1000, n)) });
          acknowledged.push(_id);
        }
      }),
    );
    const seconds = (performance.now() - began) / 1000;
    const rate = acknowledged.length / seconds;
    context.diagnostic(`${acknowledged.length} writes of 20 clients: ${rate.toFixed(0)} a second`);
    assert.ok(rate >= 20, `${rate} a second; one sync for each would give ${1000 / slowMs}`);
  });
});
