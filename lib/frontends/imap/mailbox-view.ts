import type {
  ColumnView,
  CopyResult,
  DigestField,
  FlagChange,
  MailboxEvent,
  MessageContent,
  MessageDigest,
  MessageRow,
  SelectedMailbox,
  StoreResult,
  TextTerm,
  UidRanges,
} from '../../../imap-core/index.ts';
import { placeOf, type MailboxInfo, type OpenMailbox } from '../../journal/index.ts';
import { MailError } from '../../kernel/errors.ts';
import { parseMessageId, type AccountId, type MessageId } from '../../kernel/ids.ts';
import { isHotField, type DigestRow } from '../../messages/index.ts';
import { matchHeaderTerms, matchTerms, type HeaderTerm } from '../../search/index.ts';
import type { ImapRooms } from './rooms.ts';
import { toSessionError, translated, translatedForTarget } from './session-errors.ts';

/** How many messages a text search reads ahead of the one it compares. */
const READ_AHEAD = 4;

/** An open mailbox of the journal as imap-core wants it: the same columns, content beside them, failures translated. */
export class MailboxView implements SelectedMailbox {
  readonly recentFrom: number;
  readonly #rooms: ImapRooms;
  readonly #account: AccountId;
  readonly #mailbox: OpenMailbox;

  constructor(rooms: ImapRooms, account: AccountId, mailbox: OpenMailbox) {
    this.#rooms = rooms;
    this.#account = account;
    this.#mailbox = mailbox;
    this.recentFrom = mailbox.recentFrom;
  }

  info(): MailboxInfo {
    return this.#mailbox.info();
  }

  uids(): Uint32Array {
    return this.#mailbox.uids();
  }

  row(uid: number): MessageRow | undefined {
    return this.#mailbox.row(uid);
  }

  columns(): ColumnView {
    return this.#mailbox.columns();
  }

  onEvent(listener: (event: MailboxEvent) => void): void {
    this.#mailbox.onEvent(listener);
  }

  async refresh(): Promise<void> {
    await translated(() => this.#mailbox.refresh());
  }

  async storeFlags(
    uids: UidRanges,
    change: FlagChange,
    options: { readonly unchangedSince?: number } = {},
  ): Promise<StoreResult> {
    return translated(() => this.#mailbox.storeFlags(uids, change, options));
  }

  async expunge(uids: UidRanges | undefined): Promise<{ readonly uids: readonly number[]; readonly modseq: number }> {
    return translated(() => this.#mailbox.expunge(uids));
  }

  async copy(uids: UidRanges, targetPath: string): Promise<CopyResult> {
    return translatedForTarget(async () => this.#mailbox.copy(uids, { path: targetPath }));
  }

  async move(uids: UidRanges, targetPath: string): Promise<CopyResult> {
    return translatedForTarget(async () => this.#mailbox.move(uids, { path: targetPath }));
  }

  async openMessage(row: MessageRow): Promise<MessageContent> {
    return translated(() => this.#rooms.messages.open(this.#account, messageIdOf(row)));
  }

  async *digests(
    messages: Iterable<Pick<MessageRow, 'uid' | 'messageId'>>,
    fields: readonly DigestField[],
  ): AsyncIterable<readonly (MessageDigest | undefined)[]> {
    try {
      yield* this.#rooms.messages.digestsIn(this.#account, placeOf(this.#mailbox), digestRows(messages), fields);
    } catch (thrown) {
      throw toSessionError(thrown);
    }
  }

  async *matchText(
    rows: readonly MessageRow[],
    terms: readonly TextTerm[],
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    if (terms.length > 0 && terms.every(isHotTerm)) yield* this.#matchHeaders(rows, terms, signal);
    else yield* this.#matchContents(rows, terms, signal);
  }

  /** From the digests, which hold the fields that are asked for. */
  async *#matchHeaders(
    rows: readonly MessageRow[],
    terms: readonly HeaderTerm[],
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    let next = 0;
    try {
      const place = placeOf(this.#mailbox);
      for await (const digests of this.#rooms.messages.digestsIn(this.#account, place, digestRows(rows), ['headers'])) {
        for (const digest of digests) {
          signal.throwIfAborted();
          const row = rows[next];
          next += 1;
          if (digest?.hasAllHeaders === true) yield matchHeaderTerms(digest.headers, terms);
          else if (row !== undefined) yield await this.#match(row, terms, signal);
        }
      }
    } catch (thrown) {
      throw signal.aborted ? signal.reason : toSessionError(thrown);
    }
  }

  async *#matchContents(
    rows: readonly MessageRow[],
    terms: readonly TextTerm[],
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const pending: Promise<Uint8Array>[] = [];
    try {
      for (let next = 0, done = 0; done < rows.length; done += 1) {
        while (next < rows.length && pending.length < READ_AHEAD) {
          const row = rows[next];
          next += 1;
          if (row === undefined) continue;
          const match = this.#match(row, terms, signal);
          // It may fail while an earlier one is waited for; it is told when its turn comes.
          match.catch(() => undefined);
          pending.push(match);
        }
        const first = pending.shift();
        if (first !== undefined) yield await first;
      }
    } catch (thrown) {
      throw signal.aborted ? signal.reason : toSessionError(thrown);
    } finally {
      // Nothing that was read ahead goes on once the search is over.
      await Promise.allSettled(pending);
    }
  }

  close(): void {
    this.#mailbox.close();
  }

  async #match(row: MessageRow, terms: readonly TextTerm[], signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    try {
      return await matchTerms(await this.#rooms.messages.open(this.#account, messageIdOf(row)), terms, signal);
    } catch (thrown) {
      if (thrown instanceof MailError && thrown.code === 'message-not-found') return new Uint8Array(terms.length);
      throw thrown;
    }
  }
}

/** The ids are those that the view has given out: they need not be looked at again. */
function digestRows(messages: Iterable<Pick<MessageRow, 'uid' | 'messageId'>>): Iterable<DigestRow> {
  return messages as Iterable<DigestRow>;
}

function isHotTerm(term: TextTerm): term is HeaderTerm {
  return term.kind === 'header' && isHotField(term.field);
}

function messageIdOf(row: MessageRow): MessageId {
  const id = parseMessageId(row.messageId);
  if (id === undefined) throw new MailError('internal', 'A message has no valid id');
  return id;
}
