import type { ColumnView, MessageRow } from '../session/selected-mailbox.ts';

/** A message in the columns of what went with it. */
export interface GoneMessage {
  readonly columns: ColumnView;
  readonly at: number;
}

/** Expunges of up to this many messages are remembered message by message. */
const FEW = 256;

/** What was expunged and is still served: many small expunges, or few large ones, found at once either way. */
export class GoneMessages {
  readonly #few = new Map<number, GoneMessage>();
  #many: ColumnView[] = [];

  add(gone: ColumnView): void {
    if (gone.count > FEW) {
      this.#many.push(gone);
      return;
    }
    for (let at = 0; at < gone.count; at += 1) this.#few.set(gone.uid(at), { columns: gone, at });
  }

  find(uid: number): GoneMessage | undefined {
    const one = this.#few.get(uid);
    if (one !== undefined) return one;
    for (const columns of this.#many) {
      const at = columns.lowerBound(uid);
      if (at < columns.count && columns.uid(at) === uid) return { columns, at };
    }
    return undefined;
  }

  clear(): void {
    this.#few.clear();
    this.#many = [];
  }
}

/** A message's row out of columns. */
export function rowAt(columns: ColumnView, at: number): MessageRow {
  return {
    uid: columns.uid(at),
    messageId: columns.messageId(at),
    flags: { system: columns.systemFlags(at), keywords: columns.keywords(at) },
    modseq: columns.modseq(at),
    size: columns.size(at),
    internalDate: columns.internalDate(at),
    sentDate: columns.sentDate(at),
  };
}
