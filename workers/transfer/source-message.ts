import type { FlagSet } from '../../lib/journal/index.ts';

/** A message found in what is to be imported. */
export interface SourceMessage {
  readonly kind: 'message';
  /** Where it was found, for reports. */
  readonly name: string;
  /** Path below the target mailbox, levels joined by `/`; '' for the target itself. */
  readonly mailbox: string;
  /** Must be read to its end, or be given up by `return`, before the next message is asked for. */
  readonly octets: AsyncIterable<Buffer>;
  /** Known once the octets have been read. */
  flags(): FlagSet;
  /** When it arrived, ms since 1970, where the source says so. */
  readonly receivedAt: number | undefined;
}

/** Something found that is no message or cannot be read. */
export interface SkippedItem {
  readonly kind: 'skipped';
  readonly name: string;
  readonly reason: string;
}

export type SourceItem = SourceMessage | SkippedItem;

/** What was taken from the disk so far, for the progress bar. */
export interface ReadCounter {
  octets: number;
}
