import { randomBytes } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { MailError } from '../kernel/errors.ts';
import { newMailboxId, type AccountId } from '../kernel/ids.ts';
import { AccountState } from './account-state.ts';
import { applyRecord } from './apply.ts';
import type { Change, JournalRecord } from './changes.ts';
import { checkAccount } from './check-account.ts';
import { NO_CHECKPOINT, type Checkpoint } from './checkpoint.ts';
import { createAccountCommand } from './decide-account.ts';
import { planMailbox } from './decide-mailboxes.ts';
import { isBrokenJournal } from './damage.ts';
import { planFold } from './fold-plan.ts';
import type { AccountInit, NewMessage } from './journal.ts';
import type { CheckpointKind, JournalStore } from './journal-store.ts';
import { MAX_TABLE } from './keywords.ts';
import { removeStrays } from './remove-strays.ts';

/** What message data says of itself. */
export interface RecoveredMessage extends Omit<NewMessage, 'flags'> {
  /** The account's journal position when the data was written, as far as the writer knew. */
  readonly writtenAtQ: number;
}

export interface RebuildAccountInit extends AccountInit {
  /** Path of the mailbox that takes all messages; made besides those of the account's beginning. */
  readonly recoveredPath: string;
}

/**
 * Places of the journal that are taken so that no running node commits there on what it remembers of the account.
 * Those further ahead of what the store knows must be restarted.
 */
const FENCES = 64;
/** By how much UIDVALIDITYs may have run ahead of the clock: by one for each mailbox, of which there are few a second. */
const VALIDITY_LEAD = 24 * 60 * 60;

/**
 * Makes an account anew of its message data alone, when its journal is lost. Which mailbox a message was in and its
 * flags are lost with it; messages that had been expunged, and whose data is still there, are back. All UIDVALIDITYs
 * are new. Order of writes: segments, records that keep others out, base, head, so that the account is either as
 * damaged as it was or whole.
 * @throws MailError `not-permitted` where the journal is whole; `unavailable`
 */
export async function rebuildAccount(
  store: JournalStore,
  account: AccountId,
  messages: AsyncIterable<RecoveredMessage>,
  init: RebuildAccountInit,
  clock: Clock,
): Promise<{ readonly messages: number }> {
  const { last } = await store.readGaps(account, 1);
  const isThere = last > 0 || (await store.readCheckpoint(account).catch(() => undefined)) !== undefined;
  if (isThere && (await checkAccount(store, account, clock)).length === 0)
    throw new MailError('not-permitted', 'The journal of this account is whole');
  const found: RecoveredMessage[] = [];
  for await (const message of messages) found.push(message);
  found.sort((one, other) => one.internalDate.at - other.internalDate.at);

  const head = await readOrRemove(store, account, 'head');
  const base = await readOrRemove(store, account, 'base');
  const known = found.reduce((most, { writtenAtQ }) => Math.max(most, writtenAtQ), last);
  const lastQ = Math.max(known, head?.q ?? 0, base?.q ?? 0);
  const fences = fenceRecords(lastQ, clock.now());
  const state = new AccountState(account);
  const unseen = Math.floor(clock.now() / 1000) + VALIDITY_LEAD;
  state.uidValidity = Math.max(head?.uidValidity ?? 0, base?.uidValidity ?? 0, unseen);
  const changes = plan(state, found, init, clock.now());
  state.q = lastQ + FENCES - 1;
  applyRecord(state, { q: lastQ + FENCES, at: clock.now(), token: fences.at(-1)?.token ?? '', changes });

  const plans = [base, head].map(() =>
    planFold({ state, previous: NO_CHECKPOINT, scattered: new Map(), forgetBefore: 0 }),
  );
  for (const { written } of plans) await store.writeSegments(account, written);
  const outcome = await store.insert(account, fences);
  if (outcome.kind !== 'committed') throw inTheWay(outcome.error);
  const [newBase, newHead] = plans;
  for (const [kind, next, standing] of [
    ['base', newBase, base],
    ['head', newHead, head],
  ] as const)
    // prettier-ignore
    if (next === undefined || !(await store.replaceCheckpoint(account, next.checkpoint, standing, kind)))
      throw inTheWay('the checkpoint was replaced');
  await removeStrays(store, account);
  return { messages: found.length };
}

/** The account's first mailboxes, and all messages in one more, as deliveries, so that their retries find them. */
function plan(
  state: AccountState,
  messages: readonly RecoveredMessage[],
  init: RebuildAccountInit,
  now: number,
): readonly Change[] {
  const context = { now, drawMailboxId: newMailboxId, maxKeywords: MAX_TABLE };
  const { changes } = createAccountCommand(init).decide(state, context);
  const validity = changes.reduce((most, own) => (own.kind === 'create' ? Math.max(most, own.uidValidity) : most), 0);
  const recovered = planMailbox(init.recoveredPath, undefined, validity, context);
  const rows = messages.map((message, index) => ({ ...message, uid: index + 1, system: 0, keywords: [] }));
  return [
    ...changes,
    recovered,
    { kind: 'subscribe', path: recovered.path, isSubscribed: true },
    { kind: 'append', mailbox: recovered.mailbox, origin: 'delivery', rows },
  ];
}

/** Each follows nothing: whoever stands right before one finds that his state leads nowhere. */
function fenceRecords(after: number, at: number): JournalRecord[] {
  return Array.from({ length: FENCES }, (_, index) => ({
    q: after + 1 + index,
    at,
    token: randomBytes(12).toString('hex'),
    follows: randomBytes(4).toString('hex'),
    changes: [],
  }));
}

/** What cannot be read is of no use to anybody. */
async function readOrRemove(
  store: JournalStore,
  account: AccountId,
  kind: CheckpointKind,
): Promise<Checkpoint | undefined> {
  try {
    return await store.readCheckpoint(account, kind);
  } catch (error) {
    if (!isBrokenJournal(error)) throw error;
    await store.removeCheckpoint(account, kind);
    return undefined;
  }
}

function inTheWay(cause: unknown): MailError {
  return new MailError('unavailable', 'Somebody is at work in this account, please try again', { cause });
}
