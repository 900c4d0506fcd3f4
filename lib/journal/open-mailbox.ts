import type { Logger } from '../kernel/logger.ts';
import { MailError } from '../kernel/errors.ts';
import type { MailboxId } from '../kernel/ids.ts';
import type { AccountLog, MailboxSession } from './account-log.ts';
import type { MailboxHeader } from './account-state.ts';
import { SharedColumnView } from './column-view.ts';
import type { Columns } from './columns.ts';
import type { CommitQueue } from './commit-queue.ts';
import {
  copyCommand,
  expungeCommand,
  storeFlagsCommand,
  type ExpungeResult,
  type FlagsResult,
} from './decide-messages.ts';
import type {
  ColumnView,
  CommitOptions,
  CopyResult,
  FlagChange,
  MailboxEvent,
  MailboxInfo,
  MailboxRef,
  MessageRow,
  OpenMailbox,
  UidRanges,
} from './journal.ts';
import type { KeywordTable } from './keywords.ts';
import { infoOf } from './mailbox-info.ts';
import { normalizeRanges } from './uid-set.ts';
import { vanishedSince } from './vanished.ts';

export interface SessionContext {
  readonly log: AccountLog;
  readonly queue: CommitQueue;
  readonly logger: Logger;
  readonly onClosed: () => void;
}

/** One session's handle on a mailbox whose columns all sessions of the process share. */
export class MailboxHandle implements OpenMailbox, MailboxSession {
  readonly id: MailboxId;
  readonly recentFrom: number;
  readonly #context: SessionContext;
  readonly #columns: Columns;
  /** The last header, for those that still look after the mailbox was deleted. */
  #header: MailboxHeader;
  #listener: ((event: MailboxEvent) => void) | undefined;
  #isClosed = false;

  /** The columns must be loaded. */
  constructor(context: SessionContext, header: MailboxHeader, columns: Columns, recentFrom: number) {
    this.id = header.id;
    this.recentFrom = recentFrom;
    this.#context = context;
    this.#header = header;
    this.#columns = columns;
    const { sessions } = context.log;
    sessions.set(this.id, (sessions.get(this.id) ?? new Set()).add(this));
  }

  get mailbox(): MailboxId {
    return this.id;
  }

  info(): MailboxInfo {
    return infoOf(this.#current(), this.#context.log.state);
  }

  uids(): Uint32Array {
    return this.#columns.uids();
  }

  row(uid: number): MessageRow | undefined {
    const at = this.#columns.position(uid);
    return at === undefined ? undefined : this.#columns.row(at, this.#table());
  }

  *rows(ranges: UidRanges): Iterable<MessageRow> {
    const columns = this.#columns;
    for (const { from, to } of normalizeRanges(ranges)) {
      let { generation } = columns;
      let at = columns.lowerBound(from);
      while (at < columns.count) {
        const row = columns.row(at, this.#table());
        if (row.uid > to) break;
        yield row;
        at += 1;
        // Whoever takes rows slowly may see expunges come in between: positions have moved then.
        if (columns.generation !== generation) {
          generation = columns.generation;
          at = columns.lowerBound(row.uid + 1);
        }
      }
    }
  }

  columns(): ColumnView {
    return new SharedColumnView(this.#columns, () => this.#table());
  }

  onEvent(listener: (event: MailboxEvent) => void): void {
    this.#listener = listener;
  }

  deliver(event: MailboxEvent): void {
    try {
      this.#listener?.(event);
    } catch (error) {
      // The account's other sessions and the commit loop go on; this session's numbering cannot be trusted any more.
      this.#context.logger.error(
        { error: String(error), mailbox: this.id },
        'a session failed to take an event and is closed',
      );
      this.close();
    }
  }

  async refresh(): Promise<void> {
    this.#requireOpen();
    await this.#context.log.refresh();
  }

  async storeFlags(
    uids: UidRanges,
    change: FlagChange,
    options: CommitOptions & { readonly unchangedSince?: number } = {},
  ): Promise<FlagsResult> {
    this.#requireOpen();
    return this.#context.queue.submit(storeFlagsCommand(this.id, uids, change, options.unchangedSince), options);
  }

  async expunge(
    uids: UidRanges | undefined,
    options: CommitOptions & { readonly force?: boolean } = {},
  ): Promise<ExpungeResult> {
    this.#requireOpen();
    return this.#context.queue.submit(expungeCommand(this.id, uids, options.force === true), options);
  }

  async copy(uids: UidRanges, target: MailboxRef, options: CommitOptions = {}): Promise<CopyResult> {
    this.#requireOpen();
    return this.#context.queue.submit(copyCommand(this.id, uids, target, false), options);
  }

  async move(uids: UidRanges, target: MailboxRef, options: CommitOptions = {}): Promise<CopyResult> {
    this.#requireOpen();
    return this.#context.queue.submit(copyCommand(this.id, uids, target, true), options);
  }

  async vanishedSince(modseq: number, known?: UidRanges): Promise<UidRanges> {
    this.#requireOpen();
    return vanishedSince(this.#context.log, this.id, this.#columns, modseq, known);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener = undefined;
    const { sessions } = this.#context.log;
    const own = sessions.get(this.id);
    own?.delete(this);
    if (own?.size === 0) sessions.delete(this.id);
    this.#context.onClosed();
  }

  #current(): MailboxHeader {
    const { mailboxes, removed } = this.#context.log.state;
    this.#header = mailboxes.get(this.id) ?? removed.get(this.id)?.header ?? this.#header;
    return this.#header;
  }

  #table(): KeywordTable {
    return this.#current().keywords;
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new MailError('internal', 'The mailbox is closed');
  }
}
