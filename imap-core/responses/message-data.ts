import { dateTimeText } from '../protocol/date.ts';
import type { ColumnItem } from '../protocol/fetch-item.ts';
import { flagsText } from '../protocol/flags.ts';
import type { ZonedTime } from '../protocol/zoned-time.ts';

/** Columns as `FETCH` writes them. */
export interface MessageColumns {
  uid(position: number): number;
  modseq(position: number): number;
  systemFlags(position: number): number;
  keywords(position: number): readonly string[];
  size(position: number): number;
  internalDate(position: number): ZonedTime;
}

/** One msg-att of those that are answered from the columns, with its name. */
export function columnText(item: ColumnItem, columns: MessageColumns, position: number, isRecent: boolean): string {
  switch (item.kind) {
    case 'flags':
      return `FLAGS (${flagsText(columns.systemFlags(position), columns.keywords(position), isRecent)})`;
    case 'uid':
      return `UID ${columns.uid(position)}`;
    case 'internal-date':
      return `INTERNALDATE "${dateTimeText(columns.internalDate(position))}"`;
    case 'size':
      return `RFC822.SIZE ${columns.size(position)}`;
    case 'modseq':
      return `MODSEQ (${columns.modseq(position)})`;
  }
}
