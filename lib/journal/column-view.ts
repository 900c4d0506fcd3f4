import type { Uid } from '../kernel/ids.ts';
import type { Columns } from './columns.ts';
import type { ColumnView, MessageRow } from './journal.ts';
import type { KeywordTable } from './keywords.ts';

/** Columns with the names of their keywords. */
export class SharedColumnView implements ColumnView {
  readonly count: number;
  readonly #columns: Columns;
  readonly #table: () => KeywordTable;

  constructor(columns: Columns, table: () => KeywordTable) {
    this.count = columns.count;
    this.#columns = columns;
    this.#table = table;
  }

  uid(position: number): Uid {
    return this.#columns.uid(position);
  }

  modseq(position: number): number {
    return this.#columns.modseq(position);
  }

  systemFlags(position: number): number {
    return this.#columns.systemFlags(position);
  }

  keywords(position: number): readonly string[] {
    return this.#columns.keywords(position, this.#table());
  }

  size(position: number): number {
    return this.#columns.size(position);
  }

  internalDate(position: number): MessageRow['internalDate'] {
    return this.#columns.internalDate(position);
  }

  sentDate(position: number): MessageRow['sentDate'] {
    return this.#columns.sentDate(position);
  }

  savedAt(position: number): number {
    return this.#columns.savedAt(position);
  }

  messageId(position: number): MessageRow['messageId'] {
    return this.#columns.messageId(position);
  }

  thread(position: number): MessageRow['thread'] {
    return this.#columns.thread(position);
  }

  lowerBound(uid: number): number {
    return this.#columns.lowerBound(uid);
  }
}
