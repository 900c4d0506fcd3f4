import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { socketUri } from '../../lib/embedded/server/start.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';

const ENTRY = fileURLToPath(new URL('../../lib/embedded/process/engine-process.ts', import.meta.url));
const ENGINE = [process.execPath, '--disable-warning=ExperimentalWarning', ENTRY];
const WRITES = 10;

/** `n: 1, ok: 1` as the trace shows octets: the answer to an insert. */
const REPLY = String.raw`n\0\1\0\0\0\1ok`;
const SYNC_OF_LOG = /\bf(?:data)?sync\(\d+<[^>]*engine\.sqlite-wal>/;

function canTrace(): boolean {
  return spawnSync('strace', ['-f', '-y', '-o', '/dev/null', 'true']).status === 0;
}

/** For each answer to an insert, whether a sync of the log was completed since the one before it. */
function syncedReplies(trace: string): boolean[] {
  const replies: boolean[] = [];
  const syncing = new Set<string>();
  let isSynced = false;
  for (const line of trace.split('\n')) {
    const thread = /^\d+/.exec(line)?.[0] ?? '';
    const isDone = /\) += 0$/.test(line);
    if (SYNC_OF_LOG.test(line)) {
      if (isDone) isSynced = true;
      else syncing.add(thread);
    } else if (/<\.\.\. f(?:data)?sync resumed>/.test(line)) {
      if (syncing.delete(thread) && isDone) isSynced = true;
    } else if (line.includes(REPLY)) {
      replies.push(isSynced);
      isSynced = false;
    }
  }
  return replies;
}

async function connected(socketPath: string): Promise<void> {
  for (let tries = 0; tries < 1500; tries += 1) {
    const socket = connect(socketPath);
    const isUp = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return;
    await delay(10);
  }
  throw new Error('the engine does not start');
}

describe('a write', () => {
  // kill -9 leaves the page cache alone: only the system calls tell what a loss of power would leave.
  it('is answered after the log is synced, each one', { skip: !canTrace() && 'strace is not to be had' }, async () => {
    const directory = await temporaryDirectory('sync');
    try {
      const trace = join(directory, 'trace');
      const dataDir = join(directory, 'data');
      const calls = 'trace=fsync,fdatasync,write,writev,sendto,sendmsg';
      const child = spawn(
        'strace',
        ['-f', '-y', '-s', '256', '-e', calls, '-o', trace, ...ENGINE, '--data-dir', dataDir, '--grace-ms', '100'],
        { stdio: 'ignore' },
      );
      const ended = once(child, 'exit');
      await connected(join(dataDir, 'engine.sock'));
      const client = new MongoClient(socketUri(join(dataDir, 'engine.sock')));
      const rows = client.db('sync').collection<{ _id: number }>('rows');
      for (let _id = 0; _id < WRITES; _id += 1) await rows.insertOne({ _id });
      await client.close();
      await ended;
      assert.deepEqual(syncedReplies(await readFile(trace, 'utf8')), Array<boolean>(WRITES).fill(true));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
