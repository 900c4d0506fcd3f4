import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { ApiClient } from '../support/api-client.ts';
import { withoutEngine } from '../support/given-database.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { processTree } from '../support/process-tree.ts';
import { makeDataDir, startServer } from '../support/server-process.ts';

const ADDRESS = 'synced@example.com';
const MESSAGES = 6;
const CALLS = 'trace=fsync,fdatasync,write,writev,sendto,sendmsg';
const SYNC_OF_LOG = /\bf(?:data)?sync\(\d+<[^>]*engine\.sqlite-wal>/;

const canTrace = (): boolean => spawnSync('strace', ['-f', '-y', '-o', '/dev/null', 'true']).status === 0;

/** What the client was told, each with whether a sync of the log was completed since what it was told before. */
function toldClient(trace: string): { readonly reply: string; readonly isSynced: boolean }[] {
  const told: { reply: string; isSynced: boolean }[] = [];
  const syncing = new Set<string>();
  let isSynced = false;
  for (const line of trace.split('\n')) {
    const thread = /^\d+/.exec(line)?.[0] ?? '';
    const isDone = /\) += 0(?: |$)/.test(line);
    const reply = /"(354 |250 2\.\d\.\d [^"\\]*(?:[Dd]elivered|[Ss]tored|[Oo]K|accepted)?)/.exec(line)?.[1];
    if (SYNC_OF_LOG.test(line)) {
      if (isDone) isSynced = true;
      else syncing.add(thread);
    } else if (/<\.\.\. f(?:data)?sync resumed>/.test(line)) {
      if (syncing.delete(thread) && isDone) isSynced = true;
    } else if (reply !== undefined && /\b(?:write|writev|sendto|sendmsg)\(/.test(line)) {
      told.push({ reply, isSynced });
      isSynced = false;
    }
  }
  return told;
}

// kill -9 leaves the page cache alone: only the system calls of server and engine tell what a loss of power would leave.
it(
  'the log is synced before LMTP says 250, for each message',
  { skip: withoutEngine() || (!canTrace() && 'strace is not to be had'), timeout: 120_000 },
  async () => {
    const data = await makeDataDir();
    const server = await startServer(data.path);
    try {
      await new ApiClient(server.ready.api.url, server.ready.adminToken).createUser(ADDRESS, 'correct horse');
      const client = await LmtpClient.connect(server.ready.lmtp);
      const traced = join(data.path, 'trace');
      const pids = (await processTree(server.ready.pid)).flatMap((pid) => ['-p', String(pid)]);
      const strace = spawn('strace', ['-f', '-y', '-s', '128', '-e', CALLS, '-o', traced, ...pids], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const ended = once(strace, 'exit');
      // Read to its end: without a reader, strace would die of what it says of new threads.
      let said = '';
      await new Promise<void>((resolve) => {
        strace.stderr.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if ((said.match(/ attached/g) ?? []).length >= pids.length / 2) resolve();
        });
      });
      for (let n = 0; n < MESSAGES; n += 1) {
        const message = Buffer.from(
          `From: a@example.org\r\nSubject: ${String(n)}\r\n\r\n${'text '.repeat(n * 300)}\r\n`,
        );
        const [reply] = await client.deliver(message, [ADDRESS]);
        assert.match(reply ?? '', /^250 /);
      }
      await client.quit();
      strace.kill('SIGINT');
      await ended;
      const told = toldClient(await readFile(traced, 'latin1'));
      // After each 354 comes the one 250 that says the message is kept.
      const kept = told.filter((_, at) => told[at - 1]?.reply.startsWith('354') === true);
      assert.equal(kept.length, MESSAGES, JSON.stringify(told));
      assert.deepEqual(
        kept.filter(({ isSynced }) => !isSynced),
        [],
      );
      assert.equal(await server.stop(), 0);
    } finally {
      await server.killGroup();
      await data.remove();
    }
  },
);
