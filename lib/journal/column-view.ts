import type { Uid } from '../kernel/ids.ts';
import type { ColumnArrays } from './column-arrays.ts';
import type { Columns } from './columns.ts';
import type { ColumnView, MessageRow } from './journal.ts';
import type { KeywordTable } from './keywords.ts';

/** Columns of a moment, with the names of their keywords; what many messages are asked for is read without a detour. */
export class SharedColumnView implements ColumnView {
  readonly count: number;
  readonly #columns: Columns;
  readonly #arrays: Readonly<ColumnArrays>;
  readonly #table: () => KeywordTable;

  /** @param table as it is when keywords are asked for: a fold may give names other positions */
  constructor(columns: Columns, table: () => KeywordTable) {
    this.count = columns.count;
    this.#columns = columns;
    this.#arrays = columns.arrays;
    this.#table = table;
  }

  uid(position: number): Uid {
    return (this.#arrays.uid[position] ?? 0) as Uid;
  }

  modseq(position: number): number {
    return this.#arrays.modseq[position] ?? 0;
  }

  systemFlags(position: number): number {
    return (this.#arrays.flags[position] ?? 0) & 0xff;
  }

  keywords(position: number): readonly string[] {
    return this.#columns.keywords(position, this.#table());
  }

  size(position: number): number {
    return this.#arrays.size[position] ?? 0;
  }

  internalDate(position: number): MessageRow['internalDate'] {
    return { at: this.#arrays.internalAt[position] ?? 0, zoneMinutes: this.#arrays.internalZone[position] ?? 0 };
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
