import type { Clock } from '../kernel/clock.ts';
import type { AccountId } from '../kernel/ids.ts';
import { AccountLog } from './account-log.ts';
import type { Change } from './changes.ts';
import { CommitQueue } from './commit-queue.ts';
import { requireAccount, requireColumns, unchanged, type Command } from './decision.ts';
import type { JournalStore } from './journal-store.ts';
import { accountMiscounts, countersOf, miscountsOf } from './miscounts.ts';
import type { JournalSettings } from './settings.ts';

export interface RecountOptions {
  readonly clock: Clock;
  readonly settings: Pick<JournalSettings, 'commitTimeout' | 'maxKeywords'>;
}

/**
 * Commits what the messages add up to where counters say otherwise, as one record like any other: running nodes,
 * sessions, backups and whatever is made again of base and journal take it in.
 * @returns what was wrong, each as a sentence
 * @throws MailError `unavailable`, `outcome-unknown`
 */
export async function recountAccount(
  account: AccountId,
  store: JournalStore,
  { clock, settings }: RecountOptions,
): Promise<readonly string[]> {
  // Of what is written down by now, whatever this process remembers.
  const log = await AccountLog.open(account, store, { clock });
  const queue = new CommitQueue(log, {
    clock,
    timeoutMs: settings.commitTimeout,
    maxKeywords: settings.maxKeywords,
    renew: undefined,
    onCommitted: () => undefined,
    extraChanges: () => [],
  });
  return queue.submit(recountCommand());
}

function recountCommand(): Command<readonly string[]> {
  return {
    columns: (state) => [...state.mailboxes.values()].flatMap(({ id, isNoselect }) => (isNoselect ? [] : [id])),
    decide: (state) => {
      requireAccount(state);
      const problems = accountMiscounts(state);
      const changes: Change[] = [];
      for (const header of state.mailboxes.values()) {
        if (header.isNoselect) continue;
        const columns = requireColumns(state, header.id);
        const own = miscountsOf(header, columns, state.q);
        // The account's own numbers follow from any one of its mailboxes.
        const isToTell = own.length > 0 || (problems.length > 0 && changes.length === 0);
        problems.push(...own);
        if (isToTell) changes.push({ kind: 'recount', mailbox: header.id, ...countersOf(header, columns) });
      }
      return changes.length === 0 ? unchanged(problems) : { changes, result: () => problems };
    },
  };
}
