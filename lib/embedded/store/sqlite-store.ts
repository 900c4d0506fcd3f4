import { statSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { KeyRange, Store, StoredRow } from './store.ts';

/** Values above this many octets go to the heap, so that the tree stays small and its pages full of keys. */
const LARGEST_INLINE = 600;
const PAGE_OCTETS = 8192;
/** Kept in memory by SQLite, in KiB: the inner pages of the tree and what was read last. */
const CACHE_KIB = 8 * 1024;

type Row = [key: Uint8Array, value: Uint8Array | null, heapRow: number | null];

const asBuffer = (octets: Uint8Array): Buffer => Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);

/** Settings that every connection to the file shares. Checkpoints are made by a worker, never by a commit. */
function configureConnection(database: DatabaseSync): void {
  database.exec(`
    PRAGMA page_size = ${PAGE_OCTETS};
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA busy_timeout = 30000;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -${CACHE_KIB};
    PRAGMA temp_store = MEMORY;
  `);
}

/**
 * The keyspace in one SQLite file: ordered keys in a tree WITHOUT ROWID, large values in an append-only heap whose
 * row number the tree holds.
 */
export class SqliteStore implements Store {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @param file created where it does not exist */
  constructor(file: string) {
    this.#file = file;
    this.#database = new DatabaseSync(file);
    configureConnection(this.#database);
    this.#database.exec(`
      CREATE TABLE IF NOT EXISTS tree (key BLOB PRIMARY KEY, value BLOB, heapRow INTEGER) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS heap (row INTEGER PRIMARY KEY, value BLOB NOT NULL);
    `);
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #row(sql: string, ...parameters: SQLInputValue[]): unknown[] | undefined {
    return this.#prepared(sql).get(...parameters) as unknown[] | undefined;
  }

  #heapValue(row: number): Buffer {
    const found = this.#row('SELECT value FROM heap WHERE row = ?', row);
    if (found === undefined) throw new Error(`row ${row} of the value heap is missing`);
    return asBuffer(found[0] as Uint8Array);
  }

  get(key: Uint8Array): Buffer | undefined {
    const found = this.#row('SELECT value, heapRow FROM tree WHERE key = ?', key);
    if (found === undefined) return undefined;
    const [value, heapRow] = found as [Uint8Array | null, number | null];
    return heapRow === null ? asBuffer(value ?? new Uint8Array()) : this.#heapValue(heapRow);
  }

  has(key: Uint8Array): boolean {
    return this.#row('SELECT 1 FROM tree WHERE key = ?', key) !== undefined;
  }

  read(range: KeyRange, limit: number, isDescending: boolean): StoredRow[] {
    const order = isDescending ? 'DESC' : 'ASC';
    const statement = this.#prepared(
      `SELECT key, value, heapRow FROM tree WHERE key >= ? AND key < ? ORDER BY key ${order} LIMIT ?`,
    );
    const rows = statement.all(range.from, range.to, limit) as unknown as Row[];
    return rows.map(([key, value, heapRow]) => ({
      key: asBuffer(key),
      value: () => (heapRow === null ? asBuffer(value ?? new Uint8Array()) : this.#heapValue(heapRow)),
    }));
  }

  count(range: KeyRange): number {
    return this.#row('SELECT count(*) FROM tree WHERE key >= ? AND key < ?', range.from, range.to)?.[0] as number;
  }

  begin(): void {
    this.#prepared('BEGIN IMMEDIATE').run();
  }

  commit(): void {
    this.#prepared('COMMIT').run();
  }

  rollback(): void {
    // A failed commit or a full disk may have ended the transaction already.
    if (this.#database.isTransaction) this.#prepared('ROLLBACK').run();
  }

  nested<T>(work: () => T): T {
    this.#prepared('SAVEPOINT command').run();
    try {
      const result = work();
      this.#prepared('RELEASE command').run();
      return result;
    } catch (error) {
      if (this.#database.isTransaction) {
        this.#prepared('ROLLBACK TO command').run();
        this.#prepared('RELEASE command').run();
      }
      throw error;
    }
  }

  put(key: Uint8Array, value: Uint8Array): void {
    if (value.length <= LARGEST_INLINE) {
      // Most often a small value takes the place of a small value.
      const update = this.#prepared('UPDATE tree SET value = ? WHERE key = ? AND heapRow IS NULL');
      if (update.run(value, key).changes === 1) return;
    }
    this.#freeHeap(key);
    this.add(key, value);
  }

  add(key: Uint8Array, value: Uint8Array): void {
    if (value.length <= LARGEST_INLINE) {
      this.#prepared('INSERT OR REPLACE INTO tree VALUES (?, ?, NULL)').run(key, value);
      return;
    }
    const { lastInsertRowid } = this.#prepared('INSERT INTO heap (value) VALUES (?)').run(value);
    this.#prepared('INSERT OR REPLACE INTO tree VALUES (?, NULL, ?)').run(key, lastInsertRowid);
  }

  delete(key: Uint8Array): void {
    this.#freeHeap(key);
    this.#prepared('DELETE FROM tree WHERE key = ?').run(key);
  }

  #freeHeap(key: Uint8Array): void {
    const heapRow = this.#row('SELECT heapRow FROM tree WHERE key = ?', key)?.[0];
    if (typeof heapRow === 'number') this.#prepared('DELETE FROM heap WHERE row = ?').run(heapRow);
  }

  deleteRange(range: KeyRange): void {
    this.#prepared(
      'DELETE FROM heap WHERE row IN (SELECT heapRow FROM tree WHERE key >= ? AND key < ? AND heapRow IS NOT NULL)',
    ).run(range.from, range.to);
    this.#prepared('DELETE FROM tree WHERE key >= ? AND key < ?').run(range.from, range.to);
  }

  sizes(): { file: number; log: number } {
    const size = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    return { file: size(this.#file), log: size(`${this.#file}-wal`) };
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }
}
