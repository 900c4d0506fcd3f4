import type { FlagSet } from '../protocol/flags.ts';
import type { MailboxInfo, SpecialUse } from '../protocol/mailbox.ts';
import type { ZonedTime } from '../protocol/zoned-time.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';

export interface SessionLimits {
  /** Largest message that APPEND takes, in octets; announced as APPENDLIMIT (RFC 7889). */
  readonly appendOctets: number;
  /** Once a mailbox knows this many keywords, `\*` leaves PERMANENTFLAGS. */
  readonly keywordsPerMailbox: number;
}

/** A message on its way in. */
export interface AppendMessage {
  readonly flags: FlagSet;
  /** Undefined: now. */
  readonly internalDate: ZonedTime | undefined;
  /** Announced size in octets; `octets` gives exactly as many, or throws where the client went away. */
  readonly size: number;
  /**
   * Read from the socket as fast as it is taken. Storage may stop early by throwing: the connection then skips the
   * rest. Pieces are never written over, but may be views into much larger buffers: what is kept long is copied.
   * The last piece is not the end: the command may still turn out to be bad, so that reading throws.
   */
  readonly octets: AsyncIterable<Buffer>;
}

export interface AppendResult {
  readonly uidValidity: number;
  readonly uid: number;
}

/**
 * One log-in of one user. Mailbox names are paths in Unicode with `/` between levels; the session brings them to
 * NFC and knows INBOX in any case. Every promise may reject with a SessionError.
 */
export interface Session {
  /** For the log. */
  readonly username: string;
  readonly limits: SessionLimits;

  /** All mailboxes, current as of the call. */
  list(): Promise<readonly MailboxInfo[]>;
  /** One mailbox, current as of the call; also a `\Noselect` name. */
  find(path: string): Promise<MailboxInfo | undefined>;
  /** Subscribed names, whether or not there is such a mailbox. */
  subscriptions(): Promise<readonly string[]>;
  setSubscribed(path: string, isSubscribed: boolean): Promise<void>;
  /** Creates missing parents too. @throws `ALREADYEXISTS`, `CANNOT`, `LIMIT` */
  create(path: string, specialUse: SpecialUse | undefined): Promise<void>;
  /** Children stay, and then the name as `\Noselect`. @throws `NONEXISTENT`, `HASCHILDREN`, `CANNOT` for INBOX */
  remove(path: string): Promise<void>;
  /** With children; of INBOX: moves its messages (RFC 3501 section 6.3.5). @throws `NONEXISTENT`, `ALREADYEXISTS` */
  rename(from: string, to: string): Promise<void>;

  /** Current as of the call. A read-write open takes `\Recent` away from later ones. @throws `NONEXISTENT` */
  open(path: string, isReadOnly: boolean): Promise<SelectedMailbox>;

  /**
   * Asked before the octets travel, so that a refusal saves the journey. Promises nothing.
   * @throws `TRYCREATE`, `OVERQUOTA`, `TOOBIG`
   */
  checkAppend(path: string, size: number): Promise<void>;
  /** Resolves when the message is durable. @throws `TRYCREATE`, `OVERQUOTA`, `TOOBIG`, `LIMIT`, `outcome-unknown` */
  append(path: string, message: AppendMessage): Promise<AppendResult>;

  /** Called at most once, with a sentence for the client, when the session must end (account removed, disabled). */
  onEnd(listener: (text: string) => void): void;
  /** The connection is gone; called exactly once, whatever happened before. */
  close(): void;
}
