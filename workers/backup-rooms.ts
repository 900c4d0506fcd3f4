import { createUserTransfer } from '../lib/accounts/index.ts';
import { createAddressTransfer } from '../lib/addresses/index.ts';
import type { BackupRooms, RestoreRooms } from '../lib/backup/index.ts';
import { createRestoreNotes } from '../lib/db/index.ts';
import { createJournalExport, createJournalImport } from '../lib/journal/index.ts';
import type { Clock } from '../lib/kernel/clock.ts';
import { createMessageTransfer } from '../lib/messages/index.ts';
import type { Store } from './compose.ts';

/** The rooms as backups and restores see them. */
export function backupRooms(store: Store, clock: Clock): BackupRooms & RestoreRooms {
  const { database, mailboxes, messages, attachments, cipher } = store;
  return {
    users: createUserTransfer(database),
    addresses: createAddressTransfer(database),
    journal: { ...createJournalExport(database), ...createJournalImport(database) },
    mailboxes,
    messages: createMessageTransfer(database),
    renew: (account, ids) => messages.renew(account, ids),
    notes: createRestoreNotes(database),
    opensContentOf: (keyId) => cipher?.opens(keyId) === true,
    attachments,
    clock,
  };
}
