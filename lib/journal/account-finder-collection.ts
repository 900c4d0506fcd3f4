import { Binary, type Collection, type Document } from 'mongodb';
import { toTemporary } from '../db/index.ts';
import type { AccountId } from '../kernel/ids.ts';
import type { JournalStore } from './journal-store.ts';

export type AccountFinder = Pick<JournalStore, 'nextAccount'>;

const ACCOUNT_OCTETS = 12;
const READ_LIMIT_MS = 10_000;

/**
 * Goes from account to account in a collection whose keys begin with it: one small read each, however many rows.
 * @param keyOctets how long the keys are; Binaries are ordered by length first
 */
export function createAccountFinder<T extends Document>(
  collection: Collection<T>,
  keyOctets: number,
): AccountFinder['nextAccount'] {
  const lastKeyOf = (account: Buffer): Binary =>
    new Binary(Buffer.concat([account, Buffer.alloc(keyOctets - ACCOUNT_OCTETS, 0xff)]));
  return async (after, upTo) => {
    const low = after === undefined ? new Binary(Buffer.alloc(keyOctets)) : lastKeyOf(Buffer.from(after, 'hex'));
    const high = lastKeyOf(upTo === undefined ? Buffer.alloc(ACCOUNT_OCTETS, 0xff) : Buffer.from(upTo, 'hex'));
    try {
      const found = await collection
        .find<{ readonly _id: Buffer }>({ _id: { $gt: low, $lte: high } } as never, {
          sort: { _id: 1 },
          limit: 1,
          projection: { _id: 1 },
          maxTimeMS: READ_LIMIT_MS,
          promoteBuffers: true,
        })
        .next();
      return found === null ? undefined : (found._id.toString('hex', 0, ACCOUNT_OCTETS) as AccountId);
    } catch (error) {
      throw toTemporary(error);
    }
  };
}
