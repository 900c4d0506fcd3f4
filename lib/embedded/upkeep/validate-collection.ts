import { decodeCollection } from '../catalog/collection.ts';
import { catalogKey } from '../catalog/keyspace.ts';
import type { InspectedStore } from '../store/inspected-store.ts';
import { CollectionCheck } from './check-collection.ts';
import { newReport, reporter, type CheckReport } from './damage.ts';

export interface ValidatedCollection {
  readonly report: CheckReport;
  readonly documents: number;
  readonly damagedDocuments: number;
  /** Entries that each index holds where it should, by the index's name. */
  readonly keysPerIndex: readonly (readonly [name: string, keys: number])[];
}

/** One collection checked whole. @returns undefined where there is no such collection */
export function validateCollection(store: InspectedStore, namespace: string): ValidatedCollection | undefined {
  const row = store.get(catalogKey(namespace));
  if (row === undefined) return undefined;
  const report = newReport();
  const check = new CollectionCheck(store, decodeCollection(row), report, reporter(report));
  check.run();
  return {
    report,
    documents: check.documents,
    damagedDocuments: check.damagedDocuments,
    keysPerIndex: [
      ['_id_', check.documents] as const,
      ...check.indexes.map(({ index, found }) => [index.name, found] as const),
    ],
  };
}
