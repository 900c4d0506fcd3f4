/** What a check counted, and how much it found wrong. */
export interface CheckReport {
  collections: number;
  documents: number;
  indexEntries: number;
  heapRows: number;
  damages: number;
  /** The first of them. */
  readonly found: Damage[];
}

export type DamageKind =
  /** SQLite's own pages. */
  | 'structure'
  | 'catalog'
  /** A document that is not what was written. */
  | 'document'
  /** A document that its index does not lead to. */
  | 'missing-entry'
  /** An index entry that leads to no document, or to one that does not belong there. */
  | 'stray-entry'
  | 'index-mark'
  /** A value that the tree points to and the heap does not hold. */
  | 'missing-value'
  /** A value in the heap that nothing points to. */
  | 'stray-value'
  /** Rows of nothing that the catalog knows. */
  | 'stray-rows';

/** One damage, in words that name the place. */
export interface Damage {
  readonly kind: DamageKind;
  /** `database.collection`, empty where the damage is in none. */
  readonly namespace: string;
  /** The `_id`, or the key where that cannot be read; empty where the damage is of no document. */
  readonly id: string;
  readonly detail: string;
  /** What mends it, undefined where nothing does without losing something. */
  readonly mend: Mend | undefined;
}

export type Mend =
  | { readonly do: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly do: 'delete'; readonly key: Uint8Array }
  | { readonly do: 'remove-value'; readonly row: number }
  | { readonly do: 'adopt-value'; readonly row: number; readonly key: Uint8Array }
  | { readonly do: 'mark'; readonly namespace: string; readonly index: string };

export type OnDamage = (damage: Damage) => void;

const MOST_KEPT = 1000;

export function newReport(): CheckReport {
  return { collections: 0, documents: 0, indexEntries: 0, heapRows: 0, damages: 0, found: [] };
}

/** @returns what counts a damage in the report and keeps the first thousand of them */
export function reporter(report: CheckReport): OnDamage {
  return (damage) => {
    report.damages += 1;
    if (report.found.length < MOST_KEPT) report.found.push(damage);
  };
}

/** A damage as a line. */
export function describeDamage({ namespace, id, detail }: Damage): string {
  return [namespace, id === '' ? '' : `_id ${id}`, detail].filter((part) => part !== '').join(': ');
}
