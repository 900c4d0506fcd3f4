import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Binary, type Collection } from 'mongodb';
import { LmtpClient, dotStuffed } from '../support/lmtp-client.ts';
import { brokenText, tableOf, type ExperimentResult } from './experiment.ts';
import { messageOctets } from './message-octets.ts';
import { within } from './patience.ts';
import { Checks, Ledger, flagsText } from './ledger.ts';
import { NetProxy } from './net-proxy.ts';
import { convergence, CounterWatch, Idler } from './observers.ts';
import { seededRandom } from './seeded-random.ts';
import { Site, type SiteNode } from './site.ts';
import { verifyGarbage, verifyMail, verifyProcesses, verifyStore } from './verify.ts';

export interface DeliveryRuns {
  readonly seed: number;
  /** How often each is done. */
  readonly runs: number;
  readonly writes: number;
  readonly stores: number;
}

/** A user whose mail one test makes, with the ledger of it. */
interface Case {
  readonly username: string;
  readonly userId: string;
  readonly address: string;
  readonly ledger: Ledger;
}

/** What is delivered once is there once: however it is cut off, retried, spread over nodes and raced for. */
export function deliveryFaults({ seed, runs, writes, stores }: DeliveryRuns): void {
  describe('deliveries and flags through three nodes', () => {
    let site: Site;
    let users = 0;
    const random = seededRandom(seed);
    const results: ExperimentResult[] = [];
    const all: Checks[] = [];

    before(async () => {
      site = await Site.open({ nodes: 3, settings: ['journal.fold-records=32'] });
    });
    after(() => site.close());

    const begin = async (fields: Readonly<Record<string, unknown>> = {}): Promise<Case> => {
      users += 1;
      const username = `case${String(users)}`;
      const userId = await site.createUser(username, fields);
      return { username, userId, address: `${username}@example.com`, ledger: new Ledger(new Checks()) };
    };
    const end = async (name: string, { ledger, username }: Case): Promise<void> => {
      for (const n of site.nodes.keys()) await verifyMail(site, ledger, username, n);
      results.push({ name, seed, checks: ledger.checks, counts: '' });
      all.push(ledger.checks);
      assert.equal(ledger.checks.broken.length, 0, `seed ${String(seed)}\n${brokenText(ledger.checks)}`);
    };
    const delivered = (ledger: Ledger, id: string, octets: Buffer): void => {
      const message = ledger.messages.get(id) ?? ledger.track(id, octets, true);
      ledger.enter(
        { lane: 0, what: `deliver ${id}`, outcome: 'acknowledged', reply: '250' },
        new Map([[message, [{ mailbox: 'INBOX', flags: '' }]]]),
      );
    };

    it(
      'kill -9 of a node in the middle of DATA leaves nothing, and the retry one message',
      { timeout: 60_000 },
      async () => {
        const own = await begin();
        for (let run = 0; run < runs; run += 1) {
          const victim = await site.start();
          const id = `m1-${String(run)}`;
          const octets = messageOctets(id, 60_000, random.octets(50_000));
          const client = await victim.lmtp();
          assert.equal(await client.start([own.address]), 1);
          const stuffed = dotStuffed(octets);
          await client.lines.write(stuffed.subarray(0, 1 + random.below(stuffed.length - 5)));
          await victim.kill();
          client.lines.destroy();
          await verifyMail(site, own.ledger, own.username, run);
          const again = await site.node(run).lmtp();
          assert.match((await again.deliver(octets, [own.address]))[0] ?? '', /^250/);
          await again.quit();
          delivered(own.ledger, id, octets);
        }
        await end('kill -9 in mid-DATA', own);
      },
    );

    it(
      'a reply cut off after the commit: the retry at another node is told the same UID',
      { timeout: 60_000 },
      async () => {
        const own = await begin();
        for (let run = 0; run < 4 * runs; run += 1) {
          const proxy = await NetProxy.open(site.node(run).server.ready.lmtp);
          const id = `m2-${String(run)}`;
          const octets = messageOctets(id, 1000, run % 2 === 0 ? random.octets(40_000) : undefined);
          const client = await LmtpClient.connect({ host: '127.0.0.1', port: proxy.port });
          assert.equal(await client.start([own.address]), 1);
          const cut = proxy.cutNextReply(run % 8);
          await client.lines.write(dotStuffed(octets));
          await assert.rejects(within(client.reply()));
          await cut;
          const replies: string[] = [];
          for (const n of [1, 2]) {
            const again = await site.node(run + n).lmtp();
            replies.push(...(await again.deliver(octets, [own.address])));
            await again.quit();
          }
          const uids = replies.map((reply) => /^250 .* uid (\d+)$/.exec(reply)?.[1]);
          own.ledger.checks.that('I2', uids[0] !== undefined && uids[0] === uids[1], () => replies.join());
          delivered(own.ledger, id, octets);
          await proxy.close();
        }
        await end('reply cut off after commit', own);
      },
    );

    it(
      '20 parallel tries of one DATA at three nodes store it once and are told the same',
      { timeout: 60_000 },
      async () => {
        const own = await begin();
        for (let run = 0; run < runs; run += 1) {
          const id = `m3-${String(run)}`;
          const octets = messageOctets(id, 1000, random.octets(40_000));
          const clients = await Promise.all(Array.from({ length: 20 }, (_, n) => site.node(n).lmtp()));
          const replies = (
            await Promise.all(clients.map((client) => within(client.deliver(octets, [own.address]))))
          ).flat();
          await Promise.all(clients.map((client) => client.quit()));
          const uids = new Set(replies.map((reply) => /^250 .* uid (\d+)$/.exec(reply)?.[1] ?? reply));
          own.ledger.checks.that('I2', uids.size === 1 && !uids.has(undefined as never), () => [...uids].join());
          own.ledger.checks.that('I13', replies.length === 20, () => `${String(replies.length)} replies`);
          delivered(own.ledger, id, octets);
        }
        await end('20 parallel retries', own);
      },
    );

    it('recipients of one DATA are answered each for itself and in order', { timeout: 60_000 }, async () => {
      const own = await begin();
      const full = await begin({ quota: 2000 });
      const other = await begin();
      const gone = await begin();
      const ill = await begin();
      await site.node(0).api().ok('POST', `/users/${own.userId}/addresses`, { address: 'alias@example.com' });
      for (let run = 0; run < runs; run += 1) {
        const id = `m4-${String(run)}`;
        const octets = messageOctets(id, 3000);
        const recipients = [
          own.address,
          full.address,
          'nobody@example.com',
          'alias@example.com',
          other.address,
          own.address,
          ill.address,
          gone.address,
        ];
        const client = await site.node(run).lmtp();
        const accepted = await client.start(recipients);
        const heal = await makeUnreadable(site, ill.username);
        if (run === 0) await site.node(1).api().ok('DELETE', `/users/${gone.userId}`);
        await client.lines.write(dotStuffed(octets));
        const replies: string[] = [];
        for (let n = 0; n < accepted; n += 1) replies.push(await within(client.reply()));
        await client.quit();
        await heal();
        const codes = replies.map((reply) => reply.slice(0, 9)).join();
        // The one that is nobody's was refused at RCPT already, and so is the one removed meanwhile where the node has
        // not looked it up in the last seconds.
        const expected = ['250 2.1.5', '552 5.2.2', '250 2.1.5', '250 2.1.5', '250 2.1.5', '451 4.3.0'];
        // Whether a closed account is gone or about to be restored nobody can say yet.
        const refusal = ',(550 5\\.1\\.1|451 4\\.3\\.0)';
        const ofGone =
          run === 0
            ? new RegExp(`^${refusal}$`)
            : site.node(run) === site.node(0)
              ? new RegExp(`^(${refusal})?$`)
              : /^$/;
        const isInOrder = codes.startsWith(expected.join()) && ofGone.test(codes.slice(expected.join().length));
        own.ledger.checks.that('I13', isInOrder, () => codes);
        const uids = replies.map((reply) => / uid (\d+)$/.exec(reply)?.[1]);
        own.ledger.checks.that('I2', uids[0] === uids[4], () => 'the address named twice has two messages');
        delivered(other.ledger, id, octets);
        const message = own.ledger.track(id, octets, true);
        // The alias is another address of the same user: it gets a message of its own.
        const copy = { mailbox: 'INBOX', flags: '' };
        own.ledger.enter(
          { lane: 0, what: id, outcome: 'acknowledged', reply: codes },
          new Map([[message, [copy, copy]]]),
        );
      }
      await end('partial recipients', own);
      await end('partial recipients', other);
      await end('partial recipients', full);
      await end('partial recipients', ill);
    });

    it(
      '8 writers to one mailbox through three nodes: UIDs in order for everybody who looks',
      { timeout: 120_000 },
      async (t) => {
        const own = await begin();
        const { checks } = own.ledger;
        const idlers = [0, 1, 2].map((n) => new Idler(site, checks, own.username, n));
        await Promise.all(idlers.map((idler) => idler.start()));
        const watch = new CounterWatch(site, checks, own.username);
        watch.start();
        let isOver = false;
        const pollers = [0, 1, 2].map((n) => pollNewUids(site.node(n), own.username, checks, () => isOver));
        const writers = Array.from({ length: 8 }, async (_, writer) => {
          const node = site.node(writer);
          const lmtp = await node.lmtp();
          const imap = await node.imap(own.username);
          for (let n = 0; n < writes; n += 1) {
            const id = `m5-${String(writer)}-${String(n)}`;
            const octets = messageOctets(id, 300);
            if (writer % 2 === 0) {
              assert.match((await within(lmtp.deliver(octets, [own.address])))[0] ?? '', /^250/);
              delivered(own.ledger, id, octets);
            } else {
              const { tagged } = await within(imap.append('INBOX', octets));
              const uid = /^OK \[APPENDUID (\d+) (\d+)\]/.exec(tagged);
              assert.ok(uid !== null, tagged);
              own.ledger.sight(Number(uid[1]), Number(uid[2]), id);
              const message = own.ledger.track(id, octets, false);
              own.ledger.enter(
                { lane: writer, what: id, outcome: 'acknowledged', reply: tagged },
                new Map([[message, [{ mailbox: 'INBOX', flags: '' }]]]),
              );
            }
          }
          await lmtp.quit();
          await imap.logout();
        });
        await Promise.all(writers);
        await watch.stop();
        const converged = await convergence(site, checks, own.username, idlers, 10_000);
        isOver = true;
        const looks = await Promise.all(pollers);
        await Promise.all(idlers.map((idler) => idler.stop()));
        const client = await site.node(1).imap(own.username);
        await client.ok('EXAMINE INBOX');
        const uids = await client.uids();
        await client.logout();
        checks.that(
          'I4',
          uids.every((uid, at) => uid === at + 1) && uids.length === 8 * writes,
          () => `UIDs ${uids.join()}`,
        );
        t.diagnostic(
          `${String(8 * writes)} messages; ${String(looks.reduce((a, b) => a + b))} polls; idling clients knew all ${converged.toFixed(0)} ms after the last`,
        );
        await end('8 writers, pollers and idlers', own);
      },
    );

    it('6 sessions on three nodes race for flags with UNCHANGEDSINCE', { timeout: 120_000 }, async (t) => {
      const own = await begin();
      const octets = messageOctets('m6-0', 100);
      const setting = await site.node(0).imap(own.username);
      await setting.append('INBOX', octets);
      await setting.logout();
      const message = own.ledger.track('m6-0', octets, false);
      const { won, lost, flags } = await raceForFlags(site, own.username, own.ledger.checks, stores);
      own.ledger.enter(
        { lane: 0, what: 'race', outcome: 'acknowledged', reply: '' },
        new Map([[message, [{ mailbox: 'INBOX', flags }]]]),
      );
      t.diagnostic(`${String(won)} conditional STOREs won, ${String(lost)} were told MODIFIED`);
      assert.ok(won > 0 && lost > 0);
      await end('flag race', own);
    });

    it('and the store is whole', { timeout: 60_000 }, async (t) => {
      const checks = new Checks();
      await verifyStore(site, checks);
      await verifyGarbage(site, checks);
      await verifyProcesses(site.nodes, checks, new Map());
      results.push({ name: 'all of these together', seed, checks, counts: '' });
      t.diagnostic(`seed ${String(seed)}\n${tableOf(results)}`);
      assert.equal(checks.broken.length, 0, brokenText(checks));
    });
  });
}

/** Gives the journal a record that only a later version could read. @returns takes it away again */
async function makeUnreadable(site: Site, username: string): Promise<() => Promise<void>> {
  const journal = async <T>(work: (rows: Collection<{ _id: Binary }>, account: string) => Promise<T>): Promise<T> =>
    site.withStore(async ({ accounts, database }) =>
      work(database.collection('journal'), (await accounts.findByUsername(username))?.account ?? ''),
    );
  const key = (account: string, q: number): Binary => {
    const octets = Buffer.alloc(18);
    octets.write(account, 'hex');
    octets.writeUIntBE(q, 12, 6);
    return new Binary(octets);
  };
  const bounds = (account: string) => ({ _id: { $gt: key(account, 0), $lt: key(account, 2 ** 48 - 1) } });
  const next = await journal(async (rows, account) => (await rows.countDocuments(bounds(account))) + 1);
  await journal((rows, account) =>
    rows.insertOne({ _id: key(account, next), v: 99, at: 0, token: Buffer.alloc(12), changes: [] } as { _id: Binary }),
  );
  return async () => {
    await journal((rows, account) => rows.deleteOne({ _id: key(account, next) }));
  };
}

/** Polls as a client that keeps up does: everything from the first UID it does not know. @returns how often */
async function pollNewUids(node: SiteNode, username: string, checks: Checks, isOver: () => boolean): Promise<number> {
  const client = await node.imap(username);
  await client.ok('EXAMINE INBOX');
  let seen = 0;
  let polls = 0;
  for (let isLast = false; !isLast; polls += 1) {
    isLast = isOver();
    const known = seen;
    const { untagged } = await within(client.ok(`UID FETCH ${String(known + 1)}:* (UID FLAGS)`));
    for (const { text } of untagged) {
      const uid = Number(/^\* \d+ FETCH .*UID (\d+)/.exec(text)?.[1] ?? 0);
      // `n:*` names the last message too where it is below n (RFC 3501 section 6.4.8).
      if (uid === 0 || uid === known) continue;
      checks.that('I4', uid === seen + 1, () => `UID ${String(uid)} came after ${String(seen)}`);
      seen = uid;
    }
  }
  await client.logout();
  return polls;
}

/**
 * Each session adds a keyword of its own turn, on the condition that nothing changed since it looked. Who is told OK
 * without MODIFIED has won, and what all winners did, one after the other, is what must be there (I11, P4).
 */
async function raceForFlags(
  site: Site,
  username: string,
  checks: Checks,
  stores: number,
): Promise<{ won: number; lost: number; flags: string }> {
  const winners: { readonly modseq: number; readonly flag: string; readonly since: number }[] = [];
  let lost = 0;
  const session = async (n: number): Promise<void> => {
    const client = await site.node(n).imap(username);
    await client.ok('SELECT INBOX (CONDSTORE)');
    for (let turn = 0; turn < stores; turn += 1) {
      const fetched = await within(client.ok('UID FETCH 1 (MODSEQ)'));
      const since = Number(/MODSEQ \((\d+)\)/.exec(fetched.untagged.map(({ text }) => text).join())?.[1]);
      const flag = `k${String(n)}-${String(turn)}`;
      const answer = await within(client.ok(`UID STORE 1 (UNCHANGEDSINCE ${String(since)}) FLAGS (${flag})`));
      if (answer.tagged.includes('[MODIFIED 1]')) {
        lost += 1;
        continue;
      }
      const texts = answer.untagged.map(({ text }) => text).join();
      winners.push({ modseq: Number(/MODSEQ \((\d+)\)/.exec(texts)?.[1]), flag, since });
    }
    await client.logout();
  };
  await Promise.all([0, 1, 2, 3, 4, 5].map(session));
  winners.sort((a, b) => a.modseq - b.modseq);
  for (const [at, { since, modseq, flag }] of winners.entries()) {
    const before = winners[at - 1];
    if (before === undefined) continue;
    checks.that(
      'I11',
      modseq > before.modseq && since === before.modseq,
      () => `${flag} won since ${String(since)}, after ${before.flag} at ${String(before.modseq)}`,
    );
  }
  return { won: winners.length, lost, flags: flagsText([winners.at(-1)?.flag ?? '']) };
}
