import type { Database } from '../db/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId } from '../kernel/ids.ts';
import { AccountState } from './account-state.ts';
import { NO_CHECKPOINT, type Checkpoint } from './checkpoint.ts';
import { planFold, type FoldPlan } from './fold-plan.ts';
import { stateBehind, type FoldedAccount } from './fold-export.ts';
import type { CheckpointKind, JournalStore } from './journal-store.ts';
import { openJournalStore } from './mailboxes.ts';
import { countersOf, sumsOf } from './miscounts.ts';

export interface JournalImport {
  /**
   * Writes the account as a new log of its own: checkpoints that stand where the old journal ended, and no records
   * below them. Every mailbox gets a new UIDVALIDITY, each above the one before it; UIDs, flags, dates and mod-sequences
   * stay. What is expunged or deleted is not taken along.
   * @param target a log that nothing is known of
   * @returns the highest UIDVALIDITY given
   * @throws MailError `unavailable`; what was written then has to be written again under another id
   */
  write(target: AccountId, account: FoldedAccount, uidValidityAbove: number): Promise<{ readonly uidValidity: number }>;
}

const KINDS: readonly CheckpointKind[] = ['base', 'head'];

export function createJournalImport(database: Database): JournalImport {
  const store = openJournalStore(database);
  return {
    write: async (target, account, uidValidityAbove) => {
      const state = renumbered(target, stateBehind(account), uidValidityAbove);
      // The base first: an account is there as soon as it has a head.
      for (const kind of KINDS) await writeCheckpoint(store, target, planOf(state), kind);
      return { uidValidity: state.uidValidity };
    },
  };
}

async function writeCheckpoint(
  store: JournalStore,
  target: AccountId,
  { written, checkpoint }: FoldPlan,
  kind: CheckpointKind,
): Promise<void> {
  await store.writeSegments(target, written);
  if (await store.replaceCheckpoint(target, checkpoint, undefined, kind)) return;
  // A write that was tried twice finds its own first try in its way.
  if (isSame(await store.readCheckpoint(target, kind), checkpoint)) return;
  throw new MailError('unavailable', 'The account is there already', { cause: `a checkpoint of ${target}` });
}

function isSame(one: Checkpoint | undefined, other: Checkpoint): boolean {
  return one?.rev === other.rev;
}

/** Segments under a generation of their own for each checkpoint. */
function planOf(state: AccountState): FoldPlan {
  return planFold({ state, previous: NO_CHECKPOINT, scattered: new Map(), forgetBefore: Infinity });
}

/** The live part of the state under the target's id; the columns are shared with it. */
function renumbered(target: AccountId, source: AccountState, uidValidityAbove: number): AccountState {
  const state = new AccountState(target);
  state.q = source.q;
  state.quotaOctets = source.quotaOctets;
  state.uidValidity = Math.max(source.uidValidity, uidValidityAbove);
  for (const path of source.subscriptions) state.subscriptions.add(path);
  const headers = [...source.mailboxes.values()];
  for (const header of headers) {
    state.uidValidity += 1;
    const columns = source.columns(header.id);
    state.put({ ...header, ...(columns && countersOf(header, columns)), uidValidity: state.uidValidity });
    if (columns === undefined) continue;
    columns.tombstones.dropUpTo(source.q);
    state.loadColumns(header.id, columns);
  }
  ({ octets: state.octets, messages: state.messages } = sumsOf(state));
  for (const [messageId, to] of source.deliveries) {
    const header = state.mailboxes.get(to.mailbox);
    if (header !== undefined) state.addDelivery(messageId, { ...to, uidValidity: header.uidValidity });
  }
  state.deliveriesFrom = source.deliveriesFrom;
  return state;
}
