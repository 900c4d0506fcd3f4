import type { Collection, Document, OptionalUnlessRequiredId } from 'mongodb';
import type { ConnectionUse } from './connection-use.ts';
import { MailError } from '../kernel/errors.ts';
import { insertManyOutcome, isUnsendable, writeOutcome, type WriteOutcome } from './write-outcome.ts';

/** `unreachable`: nothing was sent at all. */
export type InsertOutcome =
  { readonly kind: 'inserted' } | { readonly kind: WriteOutcome | 'unreachable'; readonly error: unknown };

export interface CoalescingInserterOptions<T> {
  /** Octets that a document takes, by estimate; bounds a batch and what may wait. */
  readonly octetsOf: (document: T) => number;
  /** Documents of one key never share a batch, so that one can never be stored without the one before it. */
  readonly keyOf?: (document: T) => string;
  /** Tells failures for certain from unknown outcomes while the database is out of reach. */
  readonly connectionUse?: ConnectionUse;
  /** Most documents of one batch. */
  readonly batchDocuments?: number;
  /** Most octets of one batch; a larger document goes alone. */
  readonly batchOctets?: number;
  /** Most octets that may wait; whoever comes then is told `unavailable`. */
  readonly waitingOctets?: number;
}

/** Gathers single inserts of a process: see createCoalescingInserter. */
export interface CoalescingInserter<T> {
  /** Resolves with the document's own outcome, never rejects but when too much waits. @throws MailError `unavailable` */
  readonly insert: (document: T) => Promise<InsertOutcome>;
}

interface Waiting<T> {
  readonly document: T;
  readonly octets: number;
  readonly settle: (outcome: InsertOutcome) => void;
}

/**
 * Keeps one unordered `insertMany` in flight; what arrives meanwhile goes together in the next one, with no timer.
 * A write-concern error makes every outcome of its batch unknown.
 */
export function createCoalescingInserter<T extends Document>(
  collection: Collection<T>,
  options: CoalescingInserterOptions<T>,
): CoalescingInserter<T> {
  const {
    octetsOf,
    keyOf,
    connectionUse,
    batchDocuments = 500,
    batchOctets = 8 * 1024 * 1024,
    waitingOctets = 64 * 1024 * 1024,
  } = options;
  let waiting: Waiting<T>[] = [];
  let held = 0;
  let isBusy = false;

  const takeBatch = (): Waiting<T>[] => {
    const batch: Waiting<T>[] = [];
    const rest: Waiting<T>[] = [];
    const keys = new Set<string>();
    let octets = 0;
    for (const item of waiting) {
      const key = keyOf?.(item.document);
      const fits = batch.length < batchDocuments && (batch.length === 0 || octets + item.octets <= batchOctets);
      if (!fits || (key !== undefined && keys.has(key))) {
        rest.push(item);
        continue;
      }
      if (key !== undefined) keys.add(key);
      octets += item.octets;
      batch.push(item);
    }
    waiting = rest;
    return batch;
  };

  const run = async (): Promise<void> => {
    isBusy = true;
    while (waiting.length > 0) {
      const batch = takeBatch();
      const outcomes = await insertBatch(
        collection,
        batch.map(({ document }) => document),
        connectionUse,
      );
      batch.forEach((item, index) => {
        held -= item.octets;
        item.settle(outcomes[index] ?? { kind: 'unknown', error: 'no outcome' });
      });
    }
    isBusy = false;
  };

  return {
    insert: (document) => {
      const octets = octetsOf(document);
      if (held > 0 && held + octets > waitingOctets) {
        return Promise.reject(
          new MailError('unavailable', 'Storage is busy, please try again', { retryAfterMs: 1000 }),
        );
      }
      held += octets;
      return new Promise((settle) => {
        waiting.push({ document, octets, settle });
        // insertBatch never rejects, so neither does run.
        if (!isBusy) void run();
      });
    },
  };
}

async function insertBatch<T extends Document>(
  collection: Collection<T>,
  documents: readonly T[],
  connectionUse: ConnectionUse | undefined,
): Promise<InsertOutcome[]> {
  const mark = connectionUse?.mark();
  try {
    const [only] = documents;
    if (documents.length === 1 && only !== undefined) await collection.insertOne(only as OptionalUnlessRequiredId<T>);
    else await collection.insertMany(documents as OptionalUnlessRequiredId<T>[], { ordered: false });
    return documents.map(() => ({ kind: 'inserted' }));
  } catch (error) {
    // One document that cannot be sent keeps none of the others back.
    if (documents.length > 1 && isUnsendable(error)) {
      const outcomes: InsertOutcome[] = [];
      for (const document of documents) outcomes.push(...(await insertBatch(collection, [document], connectionUse)));
      return outcomes;
    }
    const outcomeOf = documents.length === 1 ? () => writeOutcome(error) : insertManyOutcome(error, false);
    const isUnsent = mark !== undefined && connectionUse?.isUnusedSince(mark) === true;
    return documents.map((_, index): InsertOutcome => {
      const kind = outcomeOf(index);
      if (kind === 'inserted' || kind === 'not-attempted') return { kind: 'inserted' };
      return { kind: kind === 'unknown' && isUnsent ? 'unreachable' : kind, error };
    });
  }
}
