import { Binary, type Document } from 'mongodb';
import { toTemporary, type Database } from '../db/index.ts';
import type { AccountId, MailboxId } from '../kernel/ids.ts';
import { createAccountFinder, type AccountFinder } from './account-finder-collection.ts';
import { otherFormat } from './damage.ts';
import type { JournalStore, SegmentKey } from './journal-store.ts';

interface SegmentDocument extends Document {
  /** account (12) || mailbox (12) || generation (8) || number (4). */
  readonly _id: Binary;
  readonly v: number;
  readonly packed: Buffer;
}

const SEGMENT_VERSION = 1;
const READ_LIMIT_MS = 30_000;
/** Documents of one read or write; a full segment takes about 350 KB. */
const AT_ONCE = 16;

/** Packed rows and tombstones; a document is written once and never changed. */
export function openSegmentsCollection(
  database: Database,
): Pick<JournalStore, 'readSegments' | 'writeSegments' | 'removeSegments' | 'listSegments'> & AccountFinder {
  const collection = database.collection<SegmentDocument>('segments');
  return {
    readSegments: async (account, keys) => {
      try {
        const found = new Map<string, Buffer>();
        for (const some of inChunks(keys)) {
          const ids = some.map((key) => segmentKey(account, key));
          const options = { maxTimeMS: READ_LIMIT_MS, promoteBuffers: true, batchSize: AT_ONCE + 1 };
          for await (const document of collection.find({ _id: { $in: ids } }, options)) {
            // Of a later program: it is not missing, and must not be made anew by this one.
            if (document.v !== SEGMENT_VERSION) throw otherFormat(`segment version ${document.v}`);
            found.set(hexOf(document._id), document.packed);
          }
        }
        return keys.map((key) => found.get(hexOf(segmentKey(account, key))));
      } catch (error) {
        throw toTemporary(error);
      }
    },
    writeSegments: async (account, segments) => {
      try {
        for (const some of inChunks(segments)) {
          await collection.insertMany(
            some.map(({ key, packed }) => ({ _id: segmentKey(account, key), v: SEGMENT_VERSION, packed })),
            { ordered: false },
          );
        }
      } catch (error) {
        throw toTemporary(error);
      }
    },
    listSegments: async (account) => {
      const keys: SegmentKey[] = [];
      try {
        const [low, high] = [0, 0xff].map((octet) =>
          Buffer.concat([Buffer.from(account, 'hex'), Buffer.alloc(24, octet)]),
        );
        const range = { $gte: new Binary(low), $lte: new Binary(high) };
        const options = { projection: { _id: 1 }, promoteBuffers: true } as const;
        for await (const { _id } of collection.find({ _id: range }, options)) keys.push(keyIn(hexOf(_id)));
      } catch (error) {
        throw toTemporary(error);
      }
      return keys;
    },
    nextAccount: createAccountFinder(collection, 36),
    removeSegments: async (account, keys) => {
      try {
        for (const some of inChunks(keys)) {
          await collection.deleteMany({ _id: { $in: some.map((key) => segmentKey(account, key)) } });
        }
      } catch (error) {
        throw toTemporary(error);
      }
    },
  };
}

function segmentKey(account: AccountId, { mailbox, ref }: SegmentKey): Binary {
  const key = Buffer.alloc(36);
  key.write(account + mailbox + ref.generation, 'hex');
  key.writeUInt32BE(ref.number, 32);
  return new Binary(key);
}

function keyIn(hex: string): SegmentKey {
  const ref = { generation: hex.slice(48, 64), number: Number.parseInt(hex.slice(64), 16) };
  return { mailbox: hex.slice(24, 48) as MailboxId, ref };
}

function hexOf(id: Binary | Buffer): string {
  return Buffer.isBuffer(id) ? id.toString('hex') : id.toString('hex');
}

function inChunks<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / AT_ONCE) }, (_, index) =>
    items.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  );
}
