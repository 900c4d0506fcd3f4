import { copyFileSync, existsSync } from 'node:fs';
import { Catalog } from '../catalog/catalog.ts';
import { enginePaths } from './engine-paths.ts';
import { takeOwnership } from '../server/owner-lock.ts';
import { recordPath } from '../store/acknowledged.ts';
import { InspectedStore } from '../store/inspected-store.ts';
import { OwnedStore } from '../store/owned-store.ts';
import { DamagedFilesError, verifyFiles } from '../store/verify-files.ts';
import { StoreCheck } from '../upkeep/check-store.ts';
import { describeDamage, newReport, reporter, type CheckReport } from '../upkeep/damage.ts';
import { repair } from '../upkeep/repair.ts';

/** What a repair did, in lines, and what it could not do. */
export interface RepairReport {
  readonly mended: readonly string[];
  readonly left: readonly string[];
  /** The file that took values which belonged nowhere; undefined where there were none. */
  readonly kept: string | undefined;
}

/**
 * Checks the file of an engine that does not run, and mends what can be mended.
 * @param stamp sets the names of files kept apart from others, such as a time
 * @throws OwnedElsewhereError while an engine runs; DamagedFilesError where something acknowledged is missing
 */
export function repairStopped(dataDir: string, stamp: string): RepairReport {
  return withOwnership(dataDir, (file) => {
    // Takes over what the last owner left, and lets go at once.
    new OwnedStore(file).close();
    const store = new InspectedStore(file);
    try {
      const kept = `${file}.removed-${stamp}.bson`;
      const mended: string[] = [];
      for (let before = Infinity; ;) {
        const found = checkAll(store);
        const done = repair(store, new Catalog(store), found.found, kept);
        mended.push(...done.mended.map(describeDamage));
        // A report holds the first thousand; and what is mended may show what it hid.
        const isProgress = found.damages < before;
        before = found.damages;
        if (done.mended.length > 0 && isProgress) continue;
        const left = done.left.map(describeDamage);
        return { mended, left, kept: existsSync(kept) ? kept : undefined };
      }
    } finally {
      store.close();
    }
  });
}

/**
 * Goes on without what is missing of the acknowledged, where an engine refuses to start for it. The damaged files are
 * kept beside.
 * @returns what was missing and the files that were kept; undefined where nothing is missing
 * @throws OwnedElsewhereError while an engine runs
 */
export function acceptLoss(
  dataDir: string,
  stamp: string,
): { readonly damage: string; readonly kept: readonly string[] } | undefined {
  return withOwnership(dataDir, (file) => {
    try {
      verifyFiles(file);
      return undefined;
    } catch (error) {
      if (!(error instanceof DamagedFilesError)) throw error;
      const kept: string[] = [];
      for (const path of [file, `${file}-wal`, recordPath(file)]) {
        if (!existsSync(path)) continue;
        copyFileSync(path, `${path}.damaged-${stamp}`);
        kept.push(`${path}.damaged-${stamp}`);
      }
      new OwnedStore(file, true).close();
      return { damage: error.message, kept };
    }
  });
}

function checkAll(store: InspectedStore): CheckReport {
  const report = newReport();
  store.snapshot();
  try {
    new StoreCheck(store, report, reporter(report)).run();
  } finally {
    store.rollback();
  }
  return report;
}

function withOwnership<T>(dataDir: string, run: (file: string) => T): T {
  const { file } = enginePaths(dataDir);
  const lock = takeOwnership(`${file}.lock`);
  try {
    return run(file);
  } finally {
    lock.release();
  }
}
