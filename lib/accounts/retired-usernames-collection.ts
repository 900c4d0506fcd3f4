import type { Collection } from 'mongodb';
import { orTemporary, type Database } from '../db/index.ts';

/**
 * What outlives a removed user under the name's key: the highest UIDVALIDITY that a mailbox of that name's accounts
 * had. Mail programs know mailboxes by user name, path and UIDVALIDITY, so that none may come back under that name.
 */
interface RetiredUsernameRow {
  readonly _id: string;
  readonly v: 1;
  readonly uidValidity: number;
}

export interface RetiredUsernamesCollection {
  /** Called before the name is free again; may be repeated. */
  retire(key: string, uidValidity: number): Promise<void>;
  /** 0 for a name that nobody has had. */
  highestUidValidity(key: string): Promise<number>;
  /** All of them, by key. */
  read(): AsyncGenerator<{ readonly key: string; readonly uidValidity: number }, void, undefined>;
}

const PAGE = 1000;

export function openRetiredUsernamesCollection(database: Database): RetiredUsernamesCollection {
  const rows: Collection<RetiredUsernameRow> = database.collection<RetiredUsernameRow>('retiredUsernames');
  return {
    retire: (key, uidValidity) =>
      orTemporary(async () => {
        await rows.updateOne({ _id: key }, { $max: { uidValidity }, $setOnInsert: { v: 1 } }, { upsert: true });
      }),
    highestUidValidity: (key) => orTemporary(async () => (await rows.findOne({ _id: key }))?.uidValidity ?? 0),
    async *read() {
      let after: string | undefined;
      for (;;) {
        const filter = after === undefined ? {} : { _id: { $gt: after } };
        const page = await orTemporary(() => rows.find(filter).sort({ _id: 1 }).limit(PAGE).toArray());
        for (const { _id, uidValidity } of page) yield { key: _id, uidValidity };
        after = page.at(-1)?._id;
        if (after === undefined) return;
      }
    },
  };
}
