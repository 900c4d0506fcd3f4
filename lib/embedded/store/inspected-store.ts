import { SqliteStore } from './sqlite-store.ts';
import type { KeyRange } from './store.ts';

/** A row of the tree that points into the heap. */
export interface HeapPointer {
  readonly key: Buffer;
  readonly row: number;
}

/** A row of the heap, with the key that it was written for where it tells. */
export interface HeapRow {
  readonly row: number;
  readonly key: Buffer | undefined;
}

const asBuffer = (octets: Uint8Array): Buffer => Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);

/** What a damaged page gives in place of octets: nothing, a number or a text. */
const octetsIn = (value: unknown): Buffer | undefined => (value instanceof Uint8Array ? asBuffer(value) : undefined);

/**
 * The store as one looks at it for damage: one state of it, held for as long as it takes, and what lies below the
 * keyspace.
 */
export class InspectedStore extends SqliteStore {
  /** From here on all reads see one state, whatever is written meanwhile; until `rollback`. */
  snapshot(): void {
    this.prepared('BEGIN DEFERRED').run();
    this.prepared('SELECT 1 FROM tree LIMIT 1').get();
  }

  /** What SQLite finds wrong with its own pages; empty where nothing is. */
  structureFaults(limit: number): string[] {
    const rows = this.prepared(`PRAGMA integrity_check(${Math.trunc(limit)})`).all();
    const texts = rows.map((row) => String((row as unknown as [unknown])[0]));
    return texts.filter((text) => text !== 'ok');
  }

  *heapPointers(): Generator<HeapPointer> {
    for (const row of this.prepared('SELECT key, heapRow FROM tree WHERE heapRow IS NOT NULL').iterate()) {
      const [key, heapRow] = row as unknown as [unknown, unknown];
      if (typeof heapRow === 'number') yield { key: octetsIn(key) ?? Buffer.alloc(0), row: heapRow };
    }
  }

  *heapRows(): Generator<HeapRow> {
    for (const found of this.prepared('SELECT row, key FROM heap ORDER BY row').iterate()) {
      const [row, key] = found as unknown as [number, unknown];
      yield { row, key: octetsIn(key) };
    }
  }

  /** The first key of a range, for a search that jumps. */
  firstKey(range: KeyRange): Buffer | undefined {
    return this.read(range, 1, false)[0]?.key;
  }

  heapValue(row: number): Buffer | undefined {
    const found = this.prepared('SELECT value FROM heap WHERE row = ?').get(row) as [unknown] | undefined;
    return octetsIn(found?.[0]);
  }

  removeHeapRow(row: number): void {
    this.prepared('DELETE FROM heap WHERE row = ?').run(row);
  }

  /** A document that is in the heap, and that nothing leads to any more, under its key again. */
  adoptHeapRow(key: Uint8Array, row: number): void {
    const value = this.heapValue(row);
    if (value === undefined || this.has(key)) throw new Error('nothing to adopt');
    this.delete(key);
    this.removeHeapRow(row);
    this.add(key, value);
  }
}
