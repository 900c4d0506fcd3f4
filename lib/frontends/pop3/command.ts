import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Auth } from '../../auth/index.ts';
import type { User } from '../../accounts/index.ts';
import type { Mailboxes } from '../../journal/index.ts';
import type { Messages } from '../../messages/index.ts';
import type { Maildrop } from './maildrop.ts';

/** The rooms behind the commands. */
export interface Pop3Rooms {
  readonly auth: Auth;
  readonly mailboxes: Pick<Mailboxes, 'find' | 'open'>;
  readonly messages: Pick<Messages, 'open'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Before log-in: what a conversation knows and may do. */
export interface Authorization {
  readonly rooms: Pop3Rooms;
  readonly remoteAddress: string;
  readonly isSecure: boolean;
  readonly maySecure: boolean;
  /** True where a log-in is acceptable: over TLS, or from this machine. */
  readonly mayLogIn: boolean;
  /** From USER; a PASS uses it up. */
  username: string | undefined;
  /** Counts the user's session. @throws MailError `limit` */
  admit(user: User): Promise<void>;
  /** Enters the transaction state. */
  logIn(user: User, maildrop: Maildrop): void;
  /** Switches to TLS once what was answered has left; everything received and not yet read is dropped. */
  startTls(): void;
}

/** After log-in. */
export interface Transaction {
  readonly rooms: Pop3Rooms;
  readonly user: User;
  readonly maildrop: Maildrop;
}

/**
 * What a command answers. `lines` are sent dot-stuffed and ended with a dot; they must not hold line ends. `content`
 * is sent as it is.
 */
export type Answer =
  | { readonly kind: 'ok'; readonly text: string }
  /** The command cannot be understood or does not belong here: counts towards the limit of bad commands. */
  | { readonly kind: 'bad'; readonly text: string }
  | { readonly kind: 'refused'; readonly text: string }
  | { readonly kind: 'lines'; readonly text: string; readonly lines: Iterable<string> }
  | { readonly kind: 'content'; readonly text: string; readonly content: AsyncIterable<Buffer> }
  /** Asks for one more line, which the answer is computed from. */
  | { readonly kind: 'challenge'; readonly answer: (line: string) => Answer | Promise<Answer> }
  /** The last answer of the conversation. */
  | { readonly kind: 'bye'; readonly isOk: boolean; readonly text: string };

export function ok(text: string): Answer {
  return { kind: 'ok', text };
}

export function bad(text: string): Answer {
  return { kind: 'bad', text };
}

export function refused(text: string): Answer {
  return { kind: 'refused', text };
}

/** What a command is; `run` throws MailError where it fails. */
export type Command = {
  /** How many arguments there may be, separated by single spaces; `rest` takes the rest of the line as one. */
  readonly arguments: { readonly min: number; readonly max: number } | 'rest';
} & (
  | { readonly state: 'authorization'; run(args: readonly string[], at: Authorization): Answer | Promise<Answer> }
  | { readonly state: 'transaction'; run(args: readonly string[], at: Transaction): Answer | Promise<Answer> }
);
