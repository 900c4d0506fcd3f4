import { setTimeout as sleep } from 'node:timers/promises';
import type { CommitOutcome, JournalStore } from '../../lib/journal/journal-store.ts';

/**
 * What becomes of an insert: `cut-before` it is applied, `cut-after` it was (the reply is lost), `twice` as by a
 * driver that tries again, `late` when the reply was given up long ago, `failed` for certain, `failed-again` as by a
 * driver whose first try was carried out and whose second one met a refusal.
 */
export type Fault = 'none' | 'cut-before' | 'cut-after' | 'twice' | 'late' | 'failed' | 'failed-again';

const LOST: CommitOutcome = { kind: 'stopped', committed: 0, reason: 'unknown', error: 'cut' };

/** A journal store whose inserts meet faults and whose reads may fail; everything else is the real one. */
export class UnreliableStore implements JournalStore {
  /** Asked for each insert. */
  nextFault: () => Fault = () => 'none';
  /** While true, reads of the journal fail. */
  isDeaf = false;
  readonly inserts: number[] = [];
  readonly #store: JournalStore;
  readonly #late: Promise<unknown>[] = [];
  readonly readGaps: JournalStore['readGaps'];
  readonly removeRecords: JournalStore['removeRecords'];
  readonly removeCheckpoint: JournalStore['removeCheckpoint'];
  readonly listSegments: JournalStore['listSegments'];
  readonly nextAccount: JournalStore['nextAccount'];
  readonly readCheckpoint: JournalStore['readCheckpoint'];
  readonly replaceCheckpoint: JournalStore['replaceCheckpoint'];
  readonly readSegments: JournalStore['readSegments'];
  readonly writeSegments: JournalStore['writeSegments'];
  readonly removeSegments: JournalStore['removeSegments'];

  constructor(store: JournalStore) {
    this.#store = store;
    this.readGaps = store.readGaps;
    this.removeRecords = store.removeRecords;
    this.removeCheckpoint = store.removeCheckpoint;
    this.listSegments = store.listSegments;
    this.nextAccount = store.nextAccount;
    this.readCheckpoint = store.readCheckpoint;
    this.replaceCheckpoint = store.replaceCheckpoint;
    this.readSegments = store.readSegments;
    this.writeSegments = store.writeSegments;
    this.removeSegments = store.removeSegments;
  }

  readonly insert: JournalStore['insert'] = async (account, records) => {
    this.inserts.push(records.length);
    const apply = (): Promise<CommitOutcome> => this.#store.insert(account, records);
    switch (this.nextFault()) {
      case 'none':
        return apply();
      case 'cut-before':
        return LOST;
      case 'cut-after':
        await apply();
        return LOST;
      case 'twice':
        await apply();
        return apply();
      case 'late':
        this.#late.push(sleep(15).then(apply));
        return LOST;
      case 'failed-again':
        await apply();
        return { kind: 'stopped', committed: 0, reason: 'failed', error: 'disk full' };
      case 'failed':
        return { kind: 'stopped', committed: 0, reason: 'failed', error: 'disk full' };
    }
  };

  readonly readAfter: JournalStore['readAfter'] = async (account, q, limit) => {
    if (this.isDeaf) throw Object.assign(new Error('deaf'), { code: 'unavailable' });
    return this.#store.readAfter(account, q, limit);
  };

  /** Waits for inserts that come late. */
  async settled(): Promise<void> {
    await Promise.all(this.#late);
  }
}
