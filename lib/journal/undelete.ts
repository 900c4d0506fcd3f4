import type { Clock } from '../kernel/clock.ts';
import type { AccountId, MessageId } from '../kernel/ids.ts';
import { chooseExpunged, listExpunged } from './expunged.ts';
import type { ReadAccount } from './keeping.ts';
import type { Mailboxes } from './journal.ts';
import { restoreMessages, restoreRows, type RenewOwn } from './restore-messages.ts';
import type { JournalSettings } from './settings.ts';

/** Messages that one record brings back: some 100 octets each. */
const RECORD_MESSAGES = 1000;

/** The half of the door that brings expunged messages back. */
export function createUndelete(
  read: ReadAccount,
  { undeleteWindow }: Pick<JournalSettings, 'undeleteWindow'>,
  clock: Clock,
  renew: ((account: AccountId, messageIds: readonly MessageId[]) => Promise<readonly boolean[]>) | undefined,
): Pick<Mailboxes, 'expunged' | 'restore' | 'restoreAll'> {
  const goneSince = (): number => clock.now() - undeleteWindow;
  const renewOwn = (account: AccountId): RenewOwn | undefined => renew && ((messageIds) => renew(account, messageIds));
  return {
    expunged: (account, page) => read(account, ({ log }) => listExpunged(log, goneSince(), page)),
    restore: (account, ids, how = {}) =>
      read(account, (loaded) => restoreMessages(loaded, ids, goneSince(), renewOwn(account), how)),
    restoreAll: async (account, choice, how = {}) => {
      const chosen = [...(await read(account, ({ log }) => chooseExpunged(log, goneSince(), choice)))];
      // An id is mailbox and UID, so that they keep the order they had.
      chosen.sort(([one], [other]) => (one < other ? -1 : 1));
      let restored = 0;
      for (let from = 0; from < chosen.length; from += RECORD_MESSAGES) {
        const rows = chosen.slice(from, from + RECORD_MESSAGES).map(([, row]) => row);
        restored += (await read(account, (loaded) => restoreRows(loaded, rows, renewOwn(account), how))).length;
      }
      return { restored, notRestored: chosen.length - restored };
    },
  };
}
