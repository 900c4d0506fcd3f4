import { Binary, type Document } from 'mongodb';
import { createCoalescingInserter, insertManyOutcome, toTemporary, type Database } from '../db/index.ts';
import type { AccountId } from '../kernel/ids.ts';
import { createAccountFinder, type AccountFinder } from './account-finder-collection.ts';
import type { JournalRecord } from './changes.ts';
import type { CommitOutcome, JournalStore, TailPage } from './journal-store.ts';
import { decodeRecord, encodeRecord, type StoredRecord } from './record-codec.ts';

interface JournalDocument extends Document, StoredRecord {
  /** account (12 octets) || q (6 octets, big endian): DESIGN section 1. */
  readonly _id: Binary;
}

const HIGHEST_Q = 2 ** 48 - 1;
const READ_LIMIT_MS = 10_000;

/** The journal: one document a committed command, the commit point of everything. */
export function openJournalCollection(
  database: Database,
): Pick<JournalStore, 'insert' | 'readAfter' | 'readGaps' | 'removeRecords'> & AccountFinder {
  const collection = database.collection<JournalDocument>('journal');
  const inserter = createCoalescingInserter(collection, {
    octetsOf,
    keyOf: accountOf,
    connectionUse: database.connectionUse,
  });

  return {
    insert: async (account, records) => {
      const documents = records.map((record) => ({ _id: journalKey(account, record.q), ...encodeRecord(record) }));
      const [only] = documents;
      if (documents.length === 1 && only !== undefined) {
        const outcome = await inserter.insert(only);
        if (outcome.kind === 'inserted') return { kind: 'committed' };
        return { kind: 'stopped', committed: 0, reason: outcome.kind, error: outcome.error };
      }
      const mark = database.connectionUse.mark();
      try {
        await collection.insertMany(documents, { ordered: true });
        return { kind: 'committed' };
      } catch (error) {
        const outcome = stoppedAt(error, documents.length);
        if (outcome.kind === 'committed' || outcome.reason !== 'unknown') return outcome;
        return database.connectionUse.isUnusedSince(mark) ? { ...outcome, reason: 'unreachable' } : outcome;
      }
    },

    readAfter: async (account, q, limit) => {
      try {
        const range = { $gt: journalKey(account, q), $lte: journalKey(account, HIGHEST_Q) };
        const documents = await collection
          .find(
            { _id: range },
            { sort: { _id: 1 }, limit, batchSize: limit + 1, maxTimeMS: READ_LIMIT_MS, promoteBuffers: true },
          )
          .toArray();
        return untilGap(documents, q);
      } catch (error) {
        throw toTemporary(error);
      }
    },

    readGaps: async (account, limit) => {
      const gaps: { from: number; to: number }[] = [];
      let last = 0;
      try {
        const range = { $gt: journalKey(account, 0), $lte: journalKey(account, HIGHEST_Q) };
        const options = { sort: { _id: 1 }, projection: { _id: 1 }, promoteBuffers: true } as const;
        for await (const { _id } of collection.find({ _id: range }, options)) {
          const q = qOf(_id);
          if (q !== last + 1 && gaps.length < limit) gaps.push({ from: last + 1, to: q - 1 });
          last = q;
        }
      } catch (error) {
        throw toTemporary(error);
      }
      return { gaps, last };
    },

    removeRecords: async (account, upTo, before, limit) => {
      try {
        const range = { $gt: journalKey(account, 0), $lte: journalKey(account, upTo) };
        const options = { sort: { _id: 1 }, limit, projection: { at: 1 }, promoteBuffers: true } as const;
        const found = await collection.find({ _id: range }, { ...options, maxTimeMS: READ_LIMIT_MS }).toArray();
        const end = found.findIndex(({ at }) => at >= before);
        const removed = end < 0 ? found : found.slice(0, end);
        const last = removed.at(-1);
        if (last === undefined) return 0;
        await collection.deleteMany({ _id: { $gt: journalKey(account, 0), $lte: journalKey(account, qOf(last._id)) } });
        return removed.length;
      } catch (error) {
        throw toTemporary(error);
      }
    },

    nextAccount: createAccountFinder(collection, 18),
  };
}

function stoppedAt(error: unknown, count: number): CommitOutcome {
  const outcomeOf = insertManyOutcome(error, true);
  for (let index = 0; index < count; index += 1) {
    const outcome = outcomeOf(index);
    if (outcome === 'inserted') continue;
    return { kind: 'stopped', committed: index, reason: outcome === 'not-attempted' ? 'failed' : outcome, error };
  }
  return { kind: 'committed' };
}

function untilGap(documents: readonly JournalDocument[], after: number): TailPage {
  const records: JournalRecord[] = [];
  let q = after;
  for (const document of documents) {
    const own = qOf(document._id);
    if (own !== q + 1) return { records, beyond: own };
    records.push(decodeRecord(own, document));
    q = own;
  }
  return { records, beyond: undefined };
}

function journalKey(account: AccountId, q: number): Binary {
  const key = Buffer.alloc(18);
  key.write(account, 'hex');
  key.writeUIntBE(q, 12, 6);
  return new Binary(key);
}

/** With promoted buffers a Binary key comes as a Buffer. */
function qOf(id: Binary | Buffer): number {
  return keyOctets(id).readUIntBE(12, 6);
}

function accountOf(document: JournalDocument): string {
  return keyOctets(document._id).toString('hex', 0, 12);
}

function keyOctets(id: Binary | Buffer): Buffer {
  return Buffer.isBuffer(id) ? id : Buffer.from(id.buffer);
}

/** By estimate: Binaries and text count, names and numbers are taken as constant. */
function octetsOf(document: JournalDocument): number {
  let sum = 100;
  for (const change of document.changes) {
    sum += 150;
    for (const value of Object.values(change)) {
      if (typeof value === 'string' || Buffer.isBuffer(value)) sum += value.length;
      else if (Array.isArray(value)) sum += value.length * 80;
    }
  }
  return sum;
}
