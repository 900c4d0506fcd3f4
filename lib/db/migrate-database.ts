import { crashPoint } from '../kernel/crash-point.ts';
import { compareDatabases, type Comparison, type Difference } from './compare-databases.ts';
import { openDatabaseCopy, type CopyProgress } from './copy-database.ts';
import type { Database } from './database.ts';

export interface MigrationOptions {
  /** Tells this source from another, so that an interrupted migration is gone on with and no other one. */
  readonly sourceName: string;
  /** Nobody writes to the source meanwhile. */
  readonly isStill: boolean;
  /** Called after the last comparison, before the target counts as done; throws where somebody writes after all. */
  readonly requireStill?: () => Promise<void>;
  readonly onProgress: (progress: CopyProgress | { readonly collection: string; readonly compared: number }) => void;
  /** What was not the same and has been made so. */
  readonly onMended: (difference: Difference) => void;
}

export interface MigrationReport extends Comparison {
  /** Whether the last comparison found both sides equal; then the target is done and stands for itself. */
  readonly isFinished: boolean;
  readonly passes: number;
}

/** Comparisons at most: with a source that is written to, each has less to mend than the one before. */
const PASSES = 4;

/**
 * Copies a database document for document, then compares both sides whole and mends what differs, until a comparison
 * finds nothing. What an interrupted run has copied is not copied again.
 * @throws TargetInUse, RangeError where a collection cannot be copied whole, MailError `unavailable`
 */
export async function migrateDatabase(
  source: Database,
  target: Database,
  { sourceName, isStill, requireStill, onProgress, onMended }: MigrationOptions,
): Promise<MigrationReport> {
  const copy = await openDatabaseCopy(source, target, sourceName);
  await copy.run(onProgress);
  for (let passes = 1; ; passes += 1) {
    const comparison = await compareDatabases(source, target, {
      onDifference: onMended,
      mends: true,
      isStill,
      onProgress: (collection, compared) => onProgress({ collection, compared }),
    });
    const isEqual = comparison.differences === 0;
    crashPoint('migrate.compared');
    if (isEqual && isStill) {
      await requireStill?.();
      await copy.finish();
    }
    crashPoint('migrate.finished');
    if (isEqual || passes === PASSES) return { ...comparison, passes, isFinished: isEqual && isStill };
  }
}
