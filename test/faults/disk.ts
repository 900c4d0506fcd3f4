import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { enginePids } from '../embedded/engine-pids.ts';
import { withoutEngine } from '../support/given-database.ts';
import { brokenText } from './experiment.ts';
import { messageOctets } from './message-octets.ts';
import { within } from './patience.ts';
import { Checks } from './ledger.ts';
import { Site, type SiteNode } from './site.ts';
import { verifyProcesses, verifyStore } from './verify.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const DISK = 24 * MIB;

const canTrace = (): boolean => spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0;

/** A file system of a few megabytes, where this process may mount one. */
async function smallDisk(): Promise<{ readonly path: string; readonly remove: () => Promise<void> } | undefined> {
  const path = await mkdtemp(join(tmpdir(), 'eider-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${String(DISK)},mode=0700`, 'tmpfs', path]);
  } catch {
    await rm(path, { recursive: true, force: true });
    return undefined;
  }
  return {
    path,
    remove: async () => {
      await run('umount', ['--lazy', path]);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** Delivers one message. @returns its reply, or what became of the connection */
async function deliverOne(node: SiteNode, id: string, size = 100): Promise<string> {
  try {
    const client = await within(node.lmtp());
    try {
      const [reply = ''] = await within(client.deliver(messageOctets(id, size), ['disk@example.com']));
      return reply;
    } finally {
      client.lines.destroy();
    }
  } catch (error) {
    return String(error).replace(/^Error: /, '');
  }
}

async function subjects(node: SiteNode): Promise<string[]> {
  const client = await node.imap('disk');
  await client.ok('SELECT INBOX');
  const { untagged } = await client.ok('UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
  await client.logout();
  return untagged.flatMap(
    ({ literals }) => /Subject: (m[\d-]+)\./.exec(literals[0]?.toString('latin1') ?? '')?.[1] ?? [],
  );
}

/** What was acknowledged is there once, and what was refused for certain is not. */
async function holdTo(node: SiteNode, replies: ReadonlyMap<string, string>, checks: Checks): Promise<void> {
  const found = await subjects(node);
  checks.that('I1', new Set(found).size === found.length, () => 'something is there twice');
  for (const [id, reply] of replies) {
    if (reply.startsWith('250')) checks.that('I1', found.includes(id), () => `${id} was acknowledged and is gone`);
    else if (/^4\d\d/.test(reply)) checks.that('I3', !found.includes(id), () => `${id} was refused and is there`);
  }
}

const TEMPORARY = /^(250|4\d\d)|closed the connection|ECONN|EPIPE|no recipient/;

/** Disks that are full, slow, or lie. */
export function diskFaults(messages: number): void {
  describe('the disk under the engine', { skip: withoutEngine() }, () => {
    it(
      'is full: deliveries are put off, reading goes on, and once there is room all is as before',
      { timeout: 200_000 },
      async (t) => {
        const disk = await smallDisk();
        if (disk === undefined) {
          t.skip('no file system can be mounted here');
          return;
        }
        try {
          const site = await Site.open({
            nodes: 1,
            dataDir: disk.path,
            settings: ['journal.commit-timeout=3s', 'delivery.commit-timeout=4s'],
          });
          try {
            const node = site.node(0);
            await site.createUser('disk');
            const replies = new Map<string, string>();
            for (let n = 0; n < 5; n += 1) replies.set(`m1-${String(n)}`, await deliverOne(node, `m1-${String(n)}`));
            const ballast = join(disk.path, 'ballast');
            const { bavail, bsize } = await statfs(disk.path);
            await writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - MIB)));
            let refused = 0;
            for (let n = 0; n < 200 && refused < 5; n += 1) {
              const id = `m2-${String(n)}`;
              const reply = await deliverOne(node, id, 100_000);
              replies.set(id, reply);
              assert.match(reply, TEMPORARY);
              if (!reply.startsWith('250')) refused += 1;
            }
            assert.equal(refused, 5, 'the disk was full');
            await holdTo(node, replies, new Checks());
            await rm(ballast);
            let reply = '';
            for (let tries = 0; tries < 50 && !reply.startsWith('250'); tries += 1) {
              reply = await deliverOne(node, 'm3-1');
              if (!reply.startsWith('250')) await sleep(100);
            }
            assert.match(reply, /^250/, 'there is room again');
            replies.set('m3-1', reply);
            const checks = new Checks();
            await holdTo(node, replies, checks);
            await verifyStore(site, checks);
            await verifyProcesses([node], checks, new Map());
            t.diagnostic(`full: ${[...replies.values()].filter((one) => !one.startsWith('250'))[0] ?? ''}`);
            assert.equal(checks.broken.length, 0, brokenText(checks));
            assert.equal(await node.server.stop(), 0);
          } finally {
            await site.close();
          }
        } finally {
          await disk.remove();
        }
      },
    );

    describe('as system calls tell', { skip: canTrace() ? false : 'strace is not to be had' }, () => {
      let site: Site;
      let tracer: ChildProcess | undefined;
      before(async () => {
        site = await Site.open({ nodes: 1, settings: ['journal.commit-timeout=3s', 'delivery.commit-timeout=4s'] });
        await site.createUser('disk');
      });
      after(async () => {
        tracer?.kill('SIGKILL');
        await site.close();
      });

      /** Has the engine's syncs meet the fault from now on. */
      const inject = async (fault: string): Promise<ChildProcess> => {
        const [pid] = await enginePids(site.dataDir);
        const child = spawn(
          'strace',
          [
            '-f',
            '-p',
            String(pid),
            '-e',
            'trace=fsync,fdatasync',
            '-e',
            `inject=fsync,fdatasync:${fault}`,
            '-o',
            join(site.dataDir, 'trace'),
          ],
          { stdio: ['ignore', 'ignore', 'pipe'] },
        );
        // It says so once it has a hold of every thread.
        await once(child.stderr, 'data');
        return child;
      };
      const release = async (child: ChildProcess): Promise<void> => {
        const exited = once(child, 'exit');
        child.kill('SIGINT');
        await exited;
      };

      it(
        'is slow: 20 ms a sync are shared by those who wait, and 20 clients get at least 20 messages a second',
        { timeout: 120_000 },
        async (t) => {
          const node = site.node(0);
          tracer = await inject('delay_exit=20000');
          const begun = performance.now();
          const replies = new Map<string, string>();
          await Promise.all(
            Array.from({ length: 20 }, async (_, client) => {
              for (let n = 0; n < messages; n += 1) {
                const id = `m4-${String(client)}-${String(n)}`;
                replies.set(id, await deliverOne(node, id));
              }
            }),
          );
          const perSecond = (20 * messages * 1000) / (performance.now() - begun);
          await release(tracer);
          t.diagnostic(`${String(20 * messages)} messages at ${perSecond.toFixed(0)} a second`);
          const checks = new Checks();
          await holdTo(node, replies, checks);
          assert.equal(checks.broken.length, 0, brokenText(checks));
          assert.ok([...replies.values()].every((reply) => reply.startsWith('250')));
          assert.ok(perSecond >= 20, `${perSecond.toFixed(1)} a second`);
        },
      );

      it(
        'fails to sync: nothing more is acknowledged by that engine, the next one has all that was',
        { timeout: 120_000 },
        async () => {
          const node = site.node(0);
          const replies = new Map<string, string>();
          for (let n = 0; n < 5; n += 1) replies.set(`m5-${String(n)}`, await deliverOne(node, `m5-${String(n)}`));
          const [before] = await enginePids(site.dataDir);
          tracer = await inject('error=EIO:when=3');
          for (let n = 0; n < 40; n += 1) {
            const id = `m6-${String(n)}`;
            const reply = await deliverOne(node, id);
            replies.set(id, reply);
            assert.match(reply, TEMPORARY);
          }
          const pids = await enginePids(site.dataDir);
          assert.ok(!pids.includes(before ?? 0), 'the engine whose disk failed has ended');
          assert.match(await deliverOne(node, 'm7-1'), /^250/);
          const checks = new Checks();
          await holdTo(node, replies, checks);
          await verifyStore(site, checks);
          await verifyProcesses([node], checks, new Map());
          assert.equal(checks.broken.length, 0, brokenText(checks));
          assert.equal(await node.server.stop(), 0);
        },
      );
    });
  });
}
