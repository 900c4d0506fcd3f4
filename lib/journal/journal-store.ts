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

/** Records of one read of the journal. */
export interface TailPage {
  /** Consecutive, in order. */
  readonly records: readonly JournalRecord[];
  /** The `q` of a record that stands after a gap; undefined where none was met. */
  readonly beyond: number | undefined;
}

/** `head` is where reading starts; `base` stands at the floor of the journal, behind by the retention. */
export type CheckpointKind = 'head' | 'base';

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
  /**
   * Records of consecutive `q`. One goes with other accounts' in a batch, several go as one ordered insert.
   * @throws MailError `unavailable` where too much waits already: nothing was sent
   */
  readonly insert: (account: AccountId, records: readonly JournalRecord[]) => Promise<CommitOutcome>;
  /** The records after `q` in order, ending before the first gap; `limit` counts those beyond it too. */
  readonly readAfter: (account: AccountId, q: number, limit: number) => Promise<TailPage>;
  /** Where records are missing before the last one, in order, at most `limit` runs; and the last one's `q`, 0: none. */
  readonly readGaps: (
    account: AccountId,
    limit: number,
  ) => Promise<{ readonly gaps: readonly { readonly from: number; readonly to: number }[]; readonly last: number }>;
  /**
   * Removes the lowest records, at most `limit`, none above `upTo`, and none from the first on that was committed at
   * `before` or later. @returns how many; 0: none are left
   */
  readonly removeRecords: (account: AccountId, upTo: number, before: number, limit: number) => Promise<number>;
  /** The head where `kind` is not given. */
  readonly readCheckpoint: (account: AccountId, kind?: CheckpointKind) => Promise<Checkpoint | undefined>;
  /**
   * Replaces the checkpoint if it is still the expected one; undefined expects that there is none.
   * @returns false where it is another one by now. @throws MailError `unavailable`: it may have been replaced
   */
  readonly replaceCheckpoint: (
    account: AccountId,
    checkpoint: Checkpoint,
    expected: Checkpoint | undefined,
    kind?: CheckpointKind,
  ) => Promise<boolean>;
  /** Whatever it is, unreadable ones too. */
  readonly removeCheckpoint: (account: AccountId, kind: CheckpointKind) => Promise<void>;
  /** In the order of the keys; undefined for each that is gone. */
  readonly readSegments: (account: AccountId, keys: readonly SegmentKey[]) => Promise<(Buffer | undefined)[]>;
  readonly writeSegments: (
    account: AccountId,
    segments: readonly { readonly key: SegmentKey; readonly packed: Buffer }[],
  ) => Promise<void>;
  readonly removeSegments: (account: AccountId, keys: readonly SegmentKey[]) => Promise<void>;
  /** All segments that there are, named by a checkpoint or not. */
  readonly listSegments: (account: AccountId) => Promise<readonly SegmentKey[]>;
  /** The first account after the given one, and not after `upTo`, of which anything is stored. */
  readonly nextAccount: (after: AccountId | undefined, upTo: AccountId | undefined) => Promise<AccountId | undefined>;
}
