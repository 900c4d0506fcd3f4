import assert from 'node:assert/strict';
import { it } from 'node:test';
import { brokenText, tableOf } from './experiment.ts';
import { holds, messageOctets } from './message-octets.ts';
import { within } from './patience.ts';
import { Checks, Ledger, type TrackedMessage } from './ledger.ts';
import { seededRandom } from './seeded-random.ts';
import { Site } from './site.ts';
import { verifyGarbage, verifyMail, verifyProcesses, verifyStore } from './verify.ts';

/**
 * One attachment comes and goes through three nodes, by deliveries and by the same message appended again, while
 * garbage is collected without a pause and without a delay. What was just acknowledged can be read, every time.
 */
export function garbageRace(seed: number, roundsPerNode: number): void {
  it(
    `garbage collection at full speed against ${String(3 * roundsPerNode)} deliveries of one attachment`,
    { timeout: 1_200_000 },
    async (t) => {
      const random = seededRandom(seed);
      const attachment = random.octets(70_000);
      const checks = new Checks();
      const ledger = new Ledger(checks);
      const site = await Site.open({ nodes: 3, settings: ['journal.fold-records=64'] });
      try {
        const users = ['race0', 'race1', 'race2'];
        for (const user of users) await site.createUser(user);
        let isOver = false;
        let passes = 0;
        let swept = 0;
        const collecting = site.withStore(async ({ sweep }) => {
          for (; !isOver; passes += 1) swept += (await sweep.run({ olderThanMs: 0 })).messages;
        });
        const lanes = users.map(async (username, n) => {
          const node = site.node(n);
          const lmtp = await node.lmtp();
          const imap = await node.imap(username);
          await imap.ok('SELECT INBOX');
          const again = messageOctets(`m${String(n)}-again`, 100, attachment);
          for (let round = 0; round < roundsPerNode; round += 1) {
            const isAppend = round % 2 === 1;
            const id = `m${String(n)}-${String(round)}`;
            const octets = isAppend ? again : messageOctets(id, 100, attachment);
            const what: TrackedMessage = { id, octets, isDelivered: !isAppend, copies: [], doubt: undefined };
            if (isAppend) assert.match((await within(imap.append('INBOX', octets))).tagged, /^OK/);
            else assert.match((await within(lmtp.deliver(octets, [`${username}@example.com`])))[0] ?? '', /^250/);
            await imap.ok('NOOP');
            const uid = (await imap.uids()).at(-1) ?? 0;
            const read = await within(imap.body(uid));
            checks.that(
              'I8',
              holds(what, read),
              () => `${id} reads as ${String(read.length)} octets of ${String(octets.length)}`,
            );
            // Some stay, so that the attachment is let go of and wanted again, but not each time.
            if (random.below(8) === 0 && !isAppend) {
              const message = ledger.track(id, octets, true);
              ledger.enter(
                { lane: n, what: id, outcome: 'acknowledged', reply: '' },
                new Map([[message, [{ mailbox: 'INBOX', flags: '' }]]]),
              );
              continue;
            }
            await imap.ok(`UID STORE ${String(uid)} +FLAGS.SILENT (\\Deleted)`);
            await imap.ok(`UID EXPUNGE ${String(uid)}`);
          }
          await lmtp.quit();
          await imap.logout();
        });
        await Promise.all(lanes).finally(() => (isOver = true));
        await collecting;
        for (const [n, username] of users.entries()) {
          const own = new Ledger(checks);
          for (const message of ledger.messages.values())
            if (message.id.startsWith(`m${String(n)}-`)) own.messages.set(message.id, message);
          await verifyMail(site, own, username, n + 1);
        }
        await verifyStore(site, checks);
        await verifyGarbage(site, checks);
        await verifyProcesses(site.nodes, checks, new Map());
        t.diagnostic(
          `seed ${String(seed)}: ${String(passes)} collections took ${String(swept)} messages meanwhile\n${tableOf([{ name: 'gc against re-delivery', seed, checks, counts: '' }])}`,
        );
        assert.ok(swept > 0, 'something was swept while it was delivered');
        assert.equal(checks.broken.length, 0, `seed ${String(seed)}\n${brokenText(checks)}`);
      } finally {
        await site.close();
      }
    },
  );
}
