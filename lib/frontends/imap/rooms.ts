import type { Auth, SessionLimit } from '../../auth/index.ts';
import type { Mailboxes } from '../../journal/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Messages } from '../../messages/index.ts';

/** What the IMAP front end needs of the house. */
export interface ImapRooms {
  readonly auth: Auth;
  readonly mailboxes: Mailboxes;
  readonly messages: Messages;
  readonly clock: Clock;
  /** Sessions of one account; where not given, those of this server alone are counted. */
  readonly sessions?: SessionLimit;
}
