import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImapResult } from '../support/imap-client.ts';
import { brokenText } from './experiment.ts';
import { messageOctets } from './message-octets.ts';
import { within } from './patience.ts';
import { Checks, flagsText } from './ledger.ts';
import { Site } from './site.ts';
import { verifyProcesses, verifyStore } from './verify.ts';

const MIB = 1024 * 1024;

export interface Pressure {
  /** STORE commands that a client which does not read is told of. */
  readonly stores: number;
  /** Deliveries at once, and their size in octets. */
  readonly deliveries: number;
  readonly octets: number;
}

/** Clients that take nothing, and more work than there is memory: bounded, told so, and over when they are gone. */
export function pressure({ stores, deliveries, octets }: Pressure): void {
  describe('under pressure', { skip: process.platform === 'linux' ? false : 'reads /proc' }, () => {
    it(
      `a client that stops reading during ${String(stores)} changes costs bounded memory`,
      { timeout: 600_000 },
      async (t) => {
        const site = await Site.open({ nodes: 1 });
        try {
          const node = site.node(0);
          await site.createUser('slow');
          const writer = await node.imap('slow');
          for (let n = 0; n < 200; n += 1) await writer.append('INBOX', messageOctets(`m1-${String(n)}`, 10));
          await writer.ok('SELECT INBOX');
          const slow = await node.imap('slow');
          await slow.ok('SELECT INBOX');
          await slow.lines.write('i IDLE\r\n');
          await slow.response();
          slow.lines.pause();
          const before = await node.memory();
          let most = before;
          for (let n = 0; n < stores; n += 1) {
            await writer.ok(`STORE 1:* FLAGS.SILENT (\\${n % 2 === 0 ? 'Seen' : 'Flagged'} keyword${String(n % 40)})`);
            if (n % 50 === 0) most = Math.max(most, await node.memory());
          }
          const grown = (most - before) / MIB;
          t.diagnostic(`${String(stores)} changes of 200 messages: the server grew by ${grown.toFixed(1)} MiB`);
          // What waits for one client is bounded by 32 MiB; the rest is room for the collector.
          assert.ok(grown < 96, `${grown.toFixed(1)} MiB`);
          slow.lines.resume();
          await slow.lines.write('DONE\r\nj FETCH 1:* (FLAGS)\r\n').catch(() => undefined);
          const told = await within(slow.finish('j')).catch((error: unknown) => String(error));
          const fresh = await writer.ok('FETCH 1:* (FLAGS)');
          // It was cut off, or it knows all.
          const flags = (result: ImapResult): string[] =>
            result.untagged
              .flatMap(({ text }) => /^\* \d+ FETCH .*FLAGS \(([^)]*)\)/.exec(text)?.[1] ?? [])
              .map((text) => flagsText(text.split(' ')))
              .slice(-200);
          if (typeof told === 'string') assert.match(told, /closed the connection/);
          else assert.deepEqual(flags(told), flags(fresh));
          writer.lines.destroy();
          slow.lines.destroy();
          assert.equal(await node.server.stop(), 0);
        } finally {
          await site.close();
        }
      },
    );

    it(
      `${String(deliveries)} large deliveries at once with a small heap are taken or put off, and the server lives`,
      { timeout: 600_000 },
      async (t) => {
        const site = await Site.open({ nodes: 0 });
        try {
          const node = await site.start({ env: { NODE_OPTIONS: '--max-old-space-size=128' } });
          await site.createUser('many', { quota: 3 * deliveries * octets });
          const body = Buffer.alloc(octets, 'x'.repeat(75) + '\n');
          const counts = new Map<string, number>();
          const acknowledged: string[] = [];
          const one = async (n: number): Promise<void> => {
            const id = `m1-${String(n)}`;
            let reply: string;
            try {
              const client = await within(node.lmtp());
              [reply = ''] = await within(
                client.deliver(Buffer.concat([messageOctets(id, 10), body]), ['many@example.com']),
                120_000,
              );
              await client.quit();
            } catch (error) {
              reply = String(error).replace(/^Error: /, '');
            }
            if (reply.startsWith('250')) acknowledged.push(id);
            const kind = reply.slice(0, 3);
            counts.set(kind, (counts.get(kind) ?? 0) + 1);
            assert.match(reply, /^(250|421|45[12])|closed the connection|ECONNRESET|EPIPE/);
          };
          await Promise.all(Array.from({ length: deliveries }, (_, n) => one(n)));
          assert.ok(node.isAlive, node.log().slice(-2000));
          assert.ok(acknowledged.length > 0);
          t.diagnostic(
            `${String(deliveries)} × ${(octets / MIB).toFixed(0)} MiB in a heap of 128 MiB: ${[...counts].map(([kind, count]) => `${String(count)} × ${kind}`).join(', ')}`,
          );
          const readers = await Promise.all(Array.from({ length: 8 }, () => node.imap('many')));
          await Promise.all(
            readers.map(async (reader) => {
              await reader.ok('SELECT INBOX');
              for (const uid of (await reader.uids()).slice(0, 4)) await reader.body(uid);
              await reader.logout();
            }),
          );
          assert.ok(node.isAlive, node.log().slice(-2000));
          const after = await node.lmtp();
          assert.match((await after.deliver(messageOctets('m2-1', 10), ['many@example.com']))[0] ?? '', /^250/);
          await after.quit();
          const imap = await node.imap('many');
          await imap.ok('SELECT INBOX');
          assert.equal((await imap.uids()).length, acknowledged.length + 1, 'what was acknowledged, and no more');
          await imap.logout();
          const checks = new Checks();
          await verifyStore(site, checks);
          await verifyProcesses([node], checks, new Map());
          assert.equal(checks.broken.length, 0, brokenText(checks));
          assert.equal(await node.server.stop(), 0);
        } finally {
          await site.close();
        }
      },
    );
  });
}
