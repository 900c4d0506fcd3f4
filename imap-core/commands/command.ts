import type { Peer } from '../session/backend.ts';
import type { Session } from '../session/session.ts';
import type { MailboxView } from '../view/mailbox-view.ts';
import type { LiteralHeader } from '../wire/command-text.ts';
import type { Decoder } from '../wire/decoder.ts';
import type { Output } from '../wire/output.ts';

export type StateName = 'not-authenticated' | 'authenticated' | 'selected';

/**
 * What a command does to message sequence numbers:
 * - `uses`: it speaks of messages by number, so that no EXPUNGE may be told before it has ended;
 * - `breaks`: it makes numbers shift;
 * - `changes-mailbox`: what numbers mean is another thing afterwards;
 * - `needs-sync`: the client asks for news, so that storage is asked whether there is any.
 */
export type SequenceEffect = 'uses' | 'breaks' | 'changes-mailbox' | 'needs-sync';

/** The octets of a message that a command takes as they come. */
export interface LiteralStream {
  /** Octets announced. */
  readonly size: number;
  /** Asks the client for the octets where it waits for that. Read at most once. */
  read(): AsyncIterable<Buffer>;
  /** Why reading stopped early, if it did: the client went away, or the command does not end behind the literal. */
  readonly fault: Error | undefined;
}

/** What imap-core says to the operator; text from peers goes into fields. */
export interface ImapLogger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** The connection as commands see it. */
export interface ConnectionPort {
  readonly peer: Peer;
  readonly output: Output;
  readonly logger: ImapLogger;
  /** What ID tells; values may be logged by clients. */
  readonly serverId: ReadonlyMap<string, string>;
  /** How long a SEARCH may take, in milliseconds. */
  readonly searchMs: number;
  /** The client knows of mod-sequences (RFC 7162 section 3.1). */
  readonly isCondstoreEnabled: boolean;
  enableCondstore(): void;
  /** As in `* CAPABILITY …`. */
  capabilities(): string;
  /** A password may travel on this connection as it is. */
  readonly isLoginAllowed: boolean;
  readonly canStartTls: boolean;
  /** Logs in. @throws SessionError */
  authenticate(username: string, password: string): Promise<void>;
  /** The selected mailbox from now on; the one before is closed. */
  select(view: MailboxView | undefined): void;
  /** TLS begins when the tagged OK has been sent. */
  startTls(): void;
  /** The connection ends when the tagged OK has been sent. */
  logOut(): void;
  /** The mailbox that is selected is no more: BYE as soon as no command is under way. */
  mailboxDeleted(): void;
  /** Sends a continuation request and waits for a line. @throws ConnectionLost, SyntaxFault where it is too long */
  ask(prompt: string): Promise<string>;
  /** As `ask`; while it waits, the connection counts as one without a command: it may be told BYE. */
  askIdly(prompt: string): Promise<string>;
}

interface Contexts {
  readonly 'not-authenticated': { readonly state: 'not-authenticated'; readonly connection: ConnectionPort };
  readonly authenticated: {
    readonly state: 'authenticated';
    readonly connection: ConnectionPort;
    readonly session: Session;
  };
  readonly selected: {
    readonly state: 'selected';
    readonly connection: ConnectionPort;
    readonly session: Session;
    readonly view: MailboxView;
  };
}
export type ContextOf<S extends StateName> = Contexts[S];
export type AnyContext = ContextOf<StateName>;

/** Any state with a session. */
export const LOGGED_IN = ['authenticated', 'selected'] as const;
export const ANY_STATE = ['not-authenticated', 'authenticated', 'selected'] as const;

/** How the command was given. */
export interface Form {
  readonly tag: string;
  /** `UID FETCH` and the like. */
  readonly isUid: boolean;
  /** The literal that `streams` claimed. */
  readonly literal: LiteralStream | undefined;
}

/** What goes into the tagged OK. */
export interface Completion {
  readonly code?: string;
  readonly text?: string;
}

/** A refusal that is the command's own, not storage's: tagged NO. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** The command is known, but not in this state: tagged BAD. */
export class WrongState extends Error {
  override readonly name = 'WrongState';
}

export interface CommandSpec<S extends StateName, Args> {
  readonly name: string;
  readonly states: readonly S[];
  readonly effects: readonly SequenceEffect[];
  /** It may stand behind UID. */
  readonly uidForm?: true;
  /** Whether the literal at the end of what has come is left to `run`; the decoder stands behind the name. */
  readonly streams?: (decoder: Decoder, literal: LiteralHeader) => boolean;
  /** Reads the arguments; the decoder stands right behind the name, before any space. */
  readonly parse: (decoder: Decoder, form: Form) => Args;
  readonly run: (args: Args, context: ContextOf<S>, form: Form) => Promise<Completion>;
}

export interface Command {
  readonly name: string;
  readonly effects: readonly SequenceEffect[];
  readonly hasUidForm: boolean;
  readonly streams: (decoder: Decoder, literal: LiteralHeader) => boolean;
  readonly execute: (decoder: Decoder, context: AnyContext, form: Form) => Promise<Completion>;
}

function isIn<S extends StateName>(states: readonly S[], context: AnyContext): context is ContextOf<S> {
  return (states as readonly StateName[]).includes(context.state);
}

/** Reads all arguments before looking at the state, so that bad grammar is told as such in any state. */
export function defineCommand<const S extends StateName, Args>(spec: CommandSpec<S, Args>): Command {
  return {
    name: spec.name,
    effects: spec.effects,
    hasUidForm: spec.uidForm ?? false,
    streams: spec.streams ?? (() => false),
    execute: async (decoder, context, form) => {
      const args = spec.parse(decoder, form);
      decoder.expectEnd();
      if (!isIn(spec.states, context)) throw new WrongState(`${spec.name} is not for this state`);
      return await spec.run(args, context, form);
    },
  };
}

/** For commands without arguments. */
export function parseNothing(): undefined {
  return undefined;
}

/** @throws CommandRefused where the mailbox was opened with EXAMINE */
export function expectWritable(view: MailboxView): void {
  if (view.isReadOnly) throw new CommandRefused('Mailbox was opened read-only', 'CANNOT');
}
