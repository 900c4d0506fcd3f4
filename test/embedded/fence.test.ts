import assert from 'node:assert/strict';
import { cp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { startEngine } from '../../lib/embedded/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { spawnEngine, startEngineChild, type EngineChild } from './engine-child.ts';

const OWNED_ELSEWHERE = 75;
const FAILED = 70;

interface Row {
  readonly _id: number;
}

const rowsOf = (client: MongoClient) => client.db('t').collection<Row>('rows');

async function idsIn(uri: string): Promise<number[]> {
  const client = new MongoClient(uri);
  try {
    return (await rowsOf(client).find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id);
  } finally {
    await client.close();
  }
}

async function isStopped(pid: number): Promise<boolean> {
  return / T /.test((await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\)/, ''));
}

describe('the owner of a data directory', { skip: process.platform !== 'linux' && 'reads /proc' }, () => {
  let directory: string;
  let dataDir: string;
  let file: string;
  let owner: EngineChild;
  let client: MongoClient;

  beforeEach(async () => {
    directory = await temporaryDirectory('fence');
    dataDir = join(directory, 'data');
    file = join(dataDir, 'engine.sqlite');
    owner = await startEngineChild(dataDir);
    client = new MongoClient(owner.uri, { retryWrites: false, serverSelectionTimeoutMS: 2000 });
    await rowsOf(client).insertOne({ _id: 1 });
  });
  afterEach(async () => {
    owner.process.kill('SIGKILL');
    await owner.ended;
    await client.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function pause(): Promise<void> {
    owner.process.kill('SIGSTOP');
    while (!(await isStopped(owner.pid))) await delay(1);
  }

  it('stays the owner while it is paused; whoever comes is refused, and takes over when it is dead', async () => {
    await pause();
    const second = spawnEngine(dataDir);
    assert.equal(await second.ended, OWNED_ELSEWHERE);
    await assert.rejects(startEngine({ file, tcpPort: 0, logger: silentLogger }), { name: 'OwnedElsewhereError' });
    owner.process.kill('SIGCONT');
    await rowsOf(client).insertOne({ _id: 2 });
    await pause();
    owner.process.kill('SIGKILL');
    await owner.ended;
    const next = await startEngine({ file, tcpPort: 0, logger: silentLogger });
    assert.deepEqual(await idsIn(next.uri), [1, 2]);
    await next.close();
  });

  it('acknowledges nothing more after another took over while it was paused and its lock was removed', async () => {
    await pause();
    // Sent before the other comes, and found when the process goes on.
    const before = rowsOf(client).insertOne({ _id: 2 });
    const refused = assert.rejects(before);
    await rm(`${file}.lock`);
    const next = await startEngine({ file, tcpPort: 0, logger: silentLogger });
    const nextClient = new MongoClient(next.uri);
    await rowsOf(nextClient).insertOne({ _id: 3 });
    owner.process.kill('SIGCONT');
    assert.equal(await owner.ended, FAILED);
    await refused;
    await owner.said(/another process has taken over/);
    await rowsOf(nextClient).insertOne({ _id: 4 });
    assert.deepEqual(await idsIn(next.uri), [1, 3, 4]);
    await nextClient.close();
    await next.close();
    const last = await startEngine({ file, tcpPort: 0, logger: silentLogger });
    assert.deepEqual(await idsIn(last.uri), [1, 3, 4]);
    await last.close();
  });

  it('acknowledges nothing that goes into files nobody would find again', async () => {
    await rename(dataDir, join(directory, 'aside'));
    await cp(join(directory, 'aside'), dataDir, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    await assert.rejects(rowsOf(client).insertOne({ _id: 2 }));
    assert.equal(await owner.ended, FAILED);
    await owner.said(/removed or replaced/);
  });

  it('ends by itself when its lock is removed, though nobody writes', async () => {
    await rm(`${file}.lock`);
    assert.equal(await owner.ended, FAILED);
    await owner.said(/lock has been removed/);
  });
});
