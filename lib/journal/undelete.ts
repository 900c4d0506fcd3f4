import type { Clock } from '../kernel/clock.ts';
import type { AccountId, MessageId } from '../kernel/ids.ts';
import { listExpunged } from './expunged.ts';
import type { ReadAccount } from './keeping.ts';
import type { Mailboxes } from './journal.ts';
import { restoreMessages } from './restore-messages.ts';
import type { JournalSettings } from './settings.ts';

/** The half of the door that brings expunged messages back. */
export function createUndelete(
  read: ReadAccount,
  { undeleteWindow }: Pick<JournalSettings, 'undeleteWindow'>,
  clock: Clock,
  renew: ((account: AccountId, messageIds: readonly MessageId[]) => Promise<readonly boolean[]>) | undefined,
): Pick<Mailboxes, 'expunged' | 'restore'> {
  const goneSince = (): number => clock.now() - undeleteWindow;
  return {
    expunged: (account, page) => read(account, ({ log }) => listExpunged(log, goneSince(), page)),
    restore: (account, ids, how = {}) =>
      read(account, (loaded) => {
        const renewOwn = renew && ((messageIds: readonly MessageId[]) => renew(account, messageIds));
        return restoreMessages(loaded, ids, goneSince(), renewOwn, how);
      }),
  };
}
