import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { attachEmbedded } from '../../lib/embedded/index.ts';
import { silentLogger, type Logger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { enginePids } from './engine-pids.ts';

const GRACE_MS = 200;

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    if (await holds()) return;
    await delay(10);
  }
  assert.fail(`not within ten seconds: ${what}`);
}

describe('attaching to the engine of a data directory', () => {
  let directory: string;
  let dataDir: string;
  let graceMs: number;
  const attach = (logger: Logger = silentLogger) => attachEmbedded({ dataDir, logger, graceMs });

  beforeEach(async () => {
    directory = await temporaryDirectory('attach');
    dataDir = join(directory, 'data');
    graceMs = GRACE_MS;
  });
  afterEach(async () => {
    await until(async () => (await enginePids(dataDir)).length === 0, 'the engine ends with its last client');
    await rm(directory, { recursive: true, force: true });
  });

  it('starts one engine for all who attach at the same time; it ends after the last', async () => {
    const [first, second] = await Promise.all([attach(), attach()]);
    assert.equal(first.uri, second.uri);
    // One that lost the race ends by itself.
    await until(async () => (await enginePids(dataDir)).length === 1, 'one engine is left');
    await first.close();
    const client = await new MongoClient(second.uri).connect();
    await client.db('t').collection<{ _id: number }>('c').insertOne({ _id: 1 });
    await client.close();
    await second.close();
  });

  it('keeps socket and file for their owner only', async () => {
    const engine = await attach();
    assert.equal(statSync(dataDir).mode & 0o777, 0o700);
    assert.equal(statSync(join(dataDir, 'engine.sock')).mode & 0o777, 0o600);
    assert.equal(statSync(join(dataDir, 'engine.sqlite')).mode & 0o777, 0o600);
    await engine.close();
  });

  it('starts a killed engine again; writes on the way are retried by the driver and happen once', async () => {
    const engine = await attach();
    const client = await new MongoClient(engine.uri, { serverSelectionTimeoutMS: 10_000 }).connect();
    const counters = client.db('t').collection<{ _id: number; n: number }>('counters');
    await counters.insertOne({ _id: 1, n: 0 });
    let acknowledged = 0;
    let unknown = 0;
    for (let kills = 0; kills < 3; kills++) {
      const [pid] = await enginePids(dataDir);
      assert.ok(pid);
      for (let n = 0; n < 20; n++) {
        if (n === 10) process.kill(pid, 'SIGKILL');
        await counters.updateOne({ _id: 1 }, { $inc: { n: 1 } }).then(
          () => acknowledged++,
          () => unknown++,
        );
      }
    }
    const n = (await counters.findOne({ _id: 1 }))?.n ?? 0;
    assert.ok(
      acknowledged >= 50 && n >= acknowledged && n <= acknowledged + unknown,
      `${n} of ${acknowledged}+${unknown}`,
    );
    await client.close();
    await engine.close();
  });

  it('shares the engine between processes, and it outlives the one that started it', async () => {
    graceMs = 5000;
    // The other process attaches first, says so, and is killed while this one is attached.
    const script = `
      import { attachEmbedded } from ${JSON.stringify(fileURLToPath(new URL('../../lib/embedded/index.ts', import.meta.url)))};
      import { silentLogger } from ${JSON.stringify(fileURLToPath(new URL('../../lib/kernel/logger.ts', import.meta.url)))};
      await attachEmbedded({ dataDir: ${JSON.stringify(dataDir)}, logger: silentLogger, graceMs: ${GRACE_MS} });
      process.stdout.write('attached');
      setInterval(() => undefined, 1000);
    `;
    const other = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', script],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await once(other.stdout, 'data');
    const before = await enginePids(dataDir);
    const engine = await attach();
    assert.deepEqual(await enginePids(dataDir), before);
    other.kill('SIGKILL');
    await once(other, 'exit');
    const client = await new MongoClient(engine.uri).connect();
    await client.db('t').collection<{ _id: number }>('c').insertOne({ _id: 1 });
    await delay(GRACE_MS * 2);
    assert.deepEqual(await enginePids(dataDir), before);
    await client.close();
    await engine.close();
  });

  it('finds a socket for a path that is too long for one', async () => {
    dataDir = join(directory, 'x'.repeat(100), 'data');
    await mkdir(dataDir, { recursive: true });
    const engine = await attach();
    assert.equal(existsSync(join(dataDir, 'engine.sock')), false);
    const client = await new MongoClient(engine.uri).connect();
    await client.db('t').command({ ping: 1 });
    await client.close();
    await engine.close();
  });

  it('says why where no engine can be started', async () => {
    await mkdir(dataDir, { recursive: true });
    await assert.rejects(
      attachEmbedded({ dataDir, logger: silentLogger, nodePath: '/nonexistent/node', startMs: 200 }),
      /does not start: .*ENOENT/,
    );
  });

  it('stays for its clients on SIGINT, and leaves after them on SIGTERM', async () => {
    const engine = await attach();
    const [pid] = await enginePids(dataDir);
    assert.ok(pid);
    process.kill(pid, 'SIGINT');
    process.kill(pid, 'SIGTERM');
    const client = await new MongoClient(engine.uri).connect();
    await client.db('t').collection<{ _id: number }>('c').insertOne({ _id: 1 });
    assert.deepEqual(await enginePids(dataDir), [pid]);
    await client.close();
    await engine.close();
  });
});
