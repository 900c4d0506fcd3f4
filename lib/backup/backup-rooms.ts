import type { UserTransfer } from '../accounts/index.ts';
import type { AddressTransfer } from '../addresses/index.ts';
import type { Attachments } from '../attachments/index.ts';
import type { Journal, JournalExport, JournalImport } from '../journal/index.ts';
import type { RestoreNotes } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { MessageTransfer, Messages } from '../messages/index.ts';

/** The rooms of the store that is backed up. */
export interface BackupRooms {
  readonly users: UserTransfer;
  readonly addresses: AddressTransfer;
  readonly journal: JournalExport;
  readonly mailboxes: Pick<Journal, 'isLive'>;
  readonly messages: MessageTransfer;
  readonly attachments: Attachments;
  readonly clock: Clock;
}

/** The rooms of the store that is written to. */
export interface RestoreRooms {
  readonly users: UserTransfer;
  readonly addresses: AddressTransfer;
  readonly journal: JournalImport;
  readonly mailboxes: Pick<Journal, 'append' | 'closeAccount' | 'create' | 'find' | 'setQuota' | 'usage'>;
  readonly messages: MessageTransfer;
  readonly renew: Messages['renew'];
  readonly notes: RestoreNotes;
  /** Whether content that is sealed with the key of this id can be read here. */
  readonly opensContentOf: (keyId: string) => boolean;
  readonly attachments: Attachments;
  readonly clock: Clock;
}
