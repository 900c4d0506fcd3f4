import type { Checkpoint } from './checkpoint.ts';
import type { SegmentKey } from './journal-store.ts';

/** Every segment that the checkpoint names. */
export function namedSegments(checkpoint: Checkpoint | undefined): SegmentKey[] {
  return [...(checkpoint?.segments ?? [])].flatMap(([mailbox, { rows, tombstones }]) =>
    [...rows, ...tombstones].map((ref) => ({ mailbox, ref })),
  );
}
