import { appendFileSync } from 'node:fs';
import type { Catalog } from '../catalog/catalog.ts';
import type { InspectedStore } from '../store/inspected-store.ts';
import type { Damage, Mend } from './damage.ts';

/**
 * Mends what can be mended without losing anything, in one transaction. Values that nothing points to are kept in a file
 * before they are removed.
 *
 * @param keep a file that takes such values, one document after another as `mongodump` writes them
 * @returns the damages that were mended, the others in their order
 */
export function repair(
  store: InspectedStore,
  catalog: Catalog,
  damages: readonly Damage[],
  keep: string,
): { readonly mended: readonly Damage[]; readonly left: readonly Damage[] } {
  // Where SQLite's own pages are damaged, nobody knows what a write would hit.
  if (damages.some(({ kind }) => kind === 'structure')) return { mended: [], left: damages };
  const mended: Damage[] = [];
  const left: Damage[] = [];
  store.begin();
  try {
    for (const damage of damages) {
      if (damage.mend === undefined) left.push(damage);
      else {
        apply(store, catalog, damage.mend, keep);
        mended.push(damage);
      }
    }
    store.commit();
  } catch (error) {
    store.rollback();
    throw error;
  }
  return { mended, left };
}

function apply(store: InspectedStore, catalog: Catalog, mend: Mend, keep: string): void {
  switch (mend.do) {
    case 'put':
      store.put(mend.key, mend.value);
      return;
    case 'delete':
      store.delete(mend.key);
      return;
    case 'adopt-value':
      store.adoptHeapRow(mend.key, mend.row);
      return;
    case 'remove-value': {
      const value = store.heapValue(mend.row);
      if (value !== undefined) appendFileSync(keep, value, { mode: 0o600, flush: true });
      store.removeHeapRow(mend.row);
      return;
    }
    case 'mark':
      mark(catalog, mend.namespace, mend.index);
  }
}

/** A mark that is set without need makes queries slower, never wrong. */
function mark(catalog: Catalog, namespace: string, name: string): void {
  const at = namespace.indexOf('.');
  const collection = catalog.find(namespace.slice(0, at), namespace.slice(at + 1));
  if (collection === undefined) return;
  const index = collection.indexes.find((one) => one.name === name);
  if (index === undefined) collection.hasCutIds = true;
  else {
    index.isMultikey = true;
    index.hasCutKeys = true;
  }
  catalog.save(collection);
}
