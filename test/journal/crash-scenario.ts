import assert from 'node:assert/strict';
import type { Database } from '../../lib/db/index.ts';
import { openJournalStore, type Journal } from '../../lib/journal/index.ts';
import { namedSegments } from '../../lib/journal/named-segments.ts';
import type { Clock } from '../../lib/kernel/clock.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import { newAccountId, type AccountId } from '../../lib/kernel/ids.ts';
import { CuttingStore, type Cut } from './cutting-store.ts';
import {
  createNode,
  DAY_MS,
  EVERYTHING,
  mailboxId,
  messageIdOf,
  newMessage,
  openMailbox,
  segmentsOf,
  showAccount,
  steppedClock,
} from './journal-node.ts';

interface Scene {
  readonly account: AccountId;
  readonly clock: Clock & { at: number };
  readonly database: Database;
}

/** Whatever it did already does nothing when it is done again. */
type Step = (journal: Journal, scene: Scene) => Promise<unknown>;

const deliver =
  (name: string, mailboxPath = 'INBOX'): Step =>
  (journal, { account }) => {
    const messageId = messageIdOf(name);
    const message = newMessage({ messageId, thread: messageId, size: 10 + name.length });
    return journal.deliver(account, { message, mailboxPath, existedSinceQ: 0 });
  };

const inMailbox =
  (path: string, run: (mailbox: Awaited<ReturnType<typeof openMailbox>>) => Promise<unknown>): Step =>
  async (journal, { account }) => {
    const mailbox = await openMailbox(journal, account, path);
    try {
      await run(mailbox);
    } finally {
      mailbox.close();
    }
  };

const fold: Step = (journal, { account }) => journal.fold(account);
const maintain: Step = (journal, { account }) => journal.maintain(account);

/** A segment as a fold leaves it that died before its checkpoint. */
const litter: Step = (_, { account, database }) => {
  const ref = { generation: 'abad1dea00000000', number: 7 };
  const key = { mailbox: 'f'.repeat(24) as never, ref };
  return openJournalStore(database)
    .writeSegments(account, [{ key, packed: Buffer.from('x') }])
    .catch(() => undefined);
};

const SCENARIO: readonly Step[] = [
  (journal, { account }) =>
    journal.createAccount(account, {
      quotaOctets: 0,
      mailboxes: [
        { path: 'INBOX', subscribe: true },
        { path: 'Sent', subscribe: false },
      ],
    }),
  deliver('one'),
  deliver('two'),
  deliver('three'),
  inMailbox('INBOX', (inbox) =>
    inbox.storeFlags([{ from: 1, to: 2 }], { mode: 'add', flags: { system: 1, keywords: ['k'] } }),
  ),
  fold,
  async (journal, scene) => {
    const sent = await mailboxId(journal, scene.account, 'Sent');
    await inMailbox('INBOX', (inbox) => inbox.move([{ from: 2, to: 2 }], sent))(journal, scene);
  },
  deliver('four', 'Sent'),
  inMailbox('INBOX', (inbox) => inbox.expunge([{ from: 1, to: 1 }], { force: true })),
  fold,
  async (_, { clock }) => {
    clock.at += 35 * DAY_MS;
  },
  deliver('five'),
  inMailbox('Sent', (sent) => sent.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 4, keywords: [] } })),
  litter,
  maintain,
  deliver('six'),
  inMailbox('INBOX', (inbox) => inbox.expunge([{ from: 4, to: 4 }], { force: true })),
  async (journal, { account }) => {
    const { messages } = await journal.expunged(account, { limit: 10 });
    await journal.restore(
      account,
      messages.map(({ id }) => id),
    );
  },
  fold,
  async (_, { clock }) => {
    clock.at += 35 * DAY_MS;
  },
  maintain,
  (journal, { account }) => journal.rebuild(account),
];

const MOST_ATTEMPTS = 20;

/** Runs the scenario, cut off at the n-th write; a fresh process then takes up the step that was cut off. */
async function play(database: Database, nodes: Journal[], cutAt: number, cut: Cut) {
  const clock = steppedClock();
  const scene: Scene = { account: newAccountId(), clock, database };
  // Once cut off, nobody answers: there is nothing to be waited for.
  const settings = { foldRecords: 1000, ...(cut === 'twice' ? {} : { commitTimeout: 200 }) };
  const store = new CuttingStore(openJournalStore(database), cutAt, cut);
  let journal = createNode(database, { store, clock, settings });
  nodes.push(journal);
  let isReplaced = false;
  for (const step of SCENARIO) {
    // A machine that is slow for a moment is no fault: the step is done again.
    for (let attempt = 1; ; attempt += 1) {
      try {
        await step(journal, scene);
        if (isReplaced || !store.isDead) break;
      } catch (error) {
        if (!(error instanceof MailError) || attempt > MOST_ATTEMPTS) throw error;
      }
      if (isReplaced || !store.isDead) continue;
      isReplaced = true;
      journal = createNode(database, { clock, settings: { foldRecords: 1000 } });
      nodes.push(journal);
    }
  }
  return { ...scene, store, journal };
}

/** What any two runs have in common: all but the ids that are drawn. */
async function show(journal: Journal, account: AccountId): Promise<string> {
  return JSON.stringify(await showAccount(journal, account), (key, value: unknown) =>
    key === 'id' ? undefined : value,
  );
}

/**
 * Plays the scenario once for each of its writes and each way of cutting there, and holds what is left against an
 * undisturbed run; then nothing may be damaged or left over.
 * @param isTaken which of them are played
 */
export async function playAll(
  database: Database,
  isTaken: (cut: Cut, step: number) => boolean,
): Promise<{ readonly steps: number; readonly runs: number }> {
  const nodes: Journal[] = [];
  try {
    const undisturbed = await play(database, nodes, Number.POSITIVE_INFINITY, 'before');
    const expected = await show(undisturbed.journal, undisturbed.account);
    const { steps } = undisturbed.store;
    let runs = 0;
    for (const cut of ['before', 'after', 'twice'] as const) {
      for (let step = 1; step <= steps; step += 1) {
        if (!isTaken(cut, step)) continue;
        runs += 1;
        const where = `cut ${cut} write ${step}`;
        const { journal, account, clock } = await play(database, nodes, step, cut);
        await requireWhole(database, nodes, account, clock, expected, where);
        assert.equal(await show(journal, account), expected, where);
        await Promise.all(nodes.splice(0).map((node) => node.close()));
      }
    }
    return { steps, runs };
  } finally {
    await Promise.all(nodes.map((node) => node.close()));
  }
}

async function requireWhole(
  database: Database,
  nodes: Journal[],
  account: AccountId,
  clock: Clock,
  expected: string,
  where: string,
): Promise<void> {
  const fresh = createNode(database, { clock });
  nodes.push(fresh);
  // First, for whoever opens the account mends what can be mended.
  assert.deepEqual(await fresh.check(account), [], where);
  assert.equal(await show(fresh, account), expected, where);
  await fresh.maintain(account);
  const store = openJournalStore(database);
  const named = [await store.readCheckpoint(account), await store.readCheckpoint(account, 'base')];
  assert.equal(await segmentsOf(database, account), named.flatMap(namedSegments).length, where);
}
