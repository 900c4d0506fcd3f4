import type { SeededRandom } from './seeded-random.ts';

const KINDS = [
  'deliver',
  'deliver',
  'append',
  'upload',
  'store',
  'store',
  'copy',
  'move',
  'expunge',
  'create',
  'rename',
  'delete',
  'fetch',
] as const;
type OperationKind = (typeof KINDS)[number];

/** One operation as data: what it means on the state it meets is settled by its numbers, so that any part of a list runs. */
export interface Operation {
  readonly kind: OperationKind;
  /** Which node is asked, counted round those that live. */
  readonly node: number;
  readonly a: number;
  readonly b: number;
}

export function randomOperations(random: SeededRandom, count: number): Operation[] {
  return Array.from({ length: count }, () => ({
    kind: random.pick(KINDS),
    node: random.below(16),
    a: random.below(1 << 16),
    b: random.below(1 << 16),
  }));
}
