import type { AccountId, MailboxId } from '../kernel/ids.ts';
import type { JournalRecord } from './changes.ts';
import type { Checkpoint, SegmentRef } from './checkpoint.ts';

/** What became of records handed to `insert`, in order. */
export type CommitOutcome =
  | { readonly kind: 'committed' }
  /**
   * The first `committed` records are in for certain. The next met `reason`; those after it were not attempted,
   * but for `unknown`, when nothing is known of any of them; `failed` is what the last try met, of an earlier one
   * that was cut off it says nothing; `unreachable`: nothing was sent at all.
   */
  | {
      readonly kind: 'stopped';
      readonly committed: number;
      readonly reason: 'duplicate' | 'failed' | 'unknown' | 'unreachable';
      readonly error: unknown;
    };

/** A segment's place: whose, and the random generation and number within it. */
export interface SegmentKey {
  readonly mailbox: MailboxId;
  readonly ref: Pick<SegmentRef, 'generation' | 'number'>;
}

/**
 * The journal's three collections as the commit loop and the fold see them. Reads throw MailError `unavailable`;
 * inserts tell their outcome as a value. Tests put an unreliable store around the real one.
 */
export interface JournalStore {
  /** Records of consecutive `q`. One goes with other accounts' in a batch, several go as one ordered insert. */
  readonly insert: (account: AccountId, records: readonly JournalRecord[]) => Promise<CommitOutcome>;
  /** The records after `q` in order, at most `limit`, ending before the first gap. */
  readonly readAfter: (account: AccountId, q: number, limit: number) => Promise<JournalRecord[]>;
  /** Where records are missing before the last one, in order, at most `limit` runs; and the last one's `q`, 0: none. */
  readonly readGaps: (
    account: AccountId,
    limit: number,
  ) => Promise<{ readonly gaps: readonly { readonly from: number; readonly to: number }[]; readonly last: number }>;
  readonly readCheckpoint: (account: AccountId) => Promise<Checkpoint | undefined>;
  /**
   * Replaces the checkpoint if it is still the expected one; undefined expects that there is none.
   * @returns false where it is another one by now. @throws MailError `unavailable`: it may have been replaced
   */
  readonly replaceCheckpoint: (
    account: AccountId,
    checkpoint: Checkpoint,
    expected: Checkpoint | undefined,
  ) => Promise<boolean>;
  /** In the order of the keys; undefined for each that is gone. */
  readonly readSegments: (account: AccountId, keys: readonly SegmentKey[]) => Promise<(Buffer | undefined)[]>;
  readonly writeSegments: (
    account: AccountId,
    segments: readonly { readonly key: SegmentKey; readonly packed: Buffer }[],
  ) => Promise<void>;
  readonly removeSegments: (account: AccountId, keys: readonly SegmentKey[]) => Promise<void>;
}
