import { statSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import {
  DamagedValueError,
  type GatheredRows,
  type KeyRange,
  type Store,
  type StoreSizes,
  type StoredRow,
} from './store.ts';

/** Values above this many octets go to the heap, so that the tree stays small and its pages full of keys. */
const LARGEST_INLINE = 600;
const PAGE_OCTETS = 8192;
/** Kept in memory by SQLite, in KiB: the inner pages of the tree and what was read last. */
const CACHE_KIB = 8 * 1024;

/** A log that one large transaction has made longer than this is cut when it begins anew. */
const LONGEST_LOG_KEPT = 64 * 1024 * 1024;

type Row = [key: Uint8Array, value: Uint8Array | null, heapRow: number | null, sum: number | null];

/** Rows of the heap are written anew where fewer than this part of their neighbours are left, */
const DENSE = 2 / 3;
/** and where they share their pages with others. */
const LARGEST_MOVED = 2 * PAGE_OCTETS;
/** So much of that is enough for one transaction. */
const MOST_MOVED = 192 * 1024;

/** As SQLite keeps it in four octets. */
const sumOf = (value: Uint8Array): number => crc32(value) | 0;

const asBuffer = (octets: Uint8Array): Buffer => Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);

/** Checkpoints are made by a worker, never by a commit. Nothing is written to a file that is there. */
function configureConnection(database: DatabaseSync): void {
  database.exec(`PRAGMA busy_timeout = 30000; PRAGMA page_size = ${PAGE_OCTETS}`);
  const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number };
  // The file then knows who points to each of its pages, so that free ones can be given back in small steps. Said
  // again later, it would be written again by every connection.
  if (pages === 0) database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA journal_size_limit = ${LONGEST_LOG_KEPT};
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -${CACHE_KIB};
    PRAGMA temp_store = MEMORY;
  `);
}

/**
 * The keyspace in one SQLite file: ordered keys in a tree WITHOUT ROWID, large values in an append-only heap whose
 * row number the tree holds. A checksum of each value stands beside its key, for SQLite's pages have none.
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
      CREATE TABLE IF NOT EXISTS tree (key BLOB PRIMARY KEY, value BLOB, heapRow INTEGER, sum INTEGER) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS heap (row INTEGER PRIMARY KEY, key BLOB, value BLOB NOT NULL);
    `);
    // Rows of a file from before there were checksums and owners have none until they are written again.
    this.#addColumn('tree', 'sum INTEGER', 4);
    this.#addColumn('heap', 'key BLOB', 3);
  }

  #addColumn(table: string, definition: string, columns: number): void {
    if (this.#database.prepare(`PRAGMA table_info(${table})`).all().length === columns) return;
    this.#database.exec(`ALTER TABLE ${table} ADD COLUMN ${definition}`);
  }

  protected prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #row(sql: string, ...parameters: SQLInputValue[]): unknown[] | undefined {
    return this.prepared(sql).get(...parameters) as unknown[] | undefined;
  }

  #value(key: Uint8Array, [, value, heapRow, sum]: Row): Buffer {
    let octets = value;
    if (heapRow !== null) {
      const found = this.#row('SELECT value FROM heap WHERE row = ?', heapRow);
      if (found === undefined) throw new DamagedValueError(key, `row ${heapRow} of the value heap is missing`, true);
      octets = found[0] as Uint8Array;
    }
    octets ??= new Uint8Array();
    if (sum !== null && sumOf(octets) !== sum) throw new DamagedValueError(key, 'a value has another checksum');
    return asBuffer(octets);
  }

  get(key: Uint8Array): Buffer | undefined {
    const found = this.#row('SELECT NULL, value, heapRow, sum FROM tree WHERE key = ?', key);
    return found === undefined ? undefined : this.#value(key, found as Row);
  }

  has(key: Uint8Array): boolean {
    return this.#row('SELECT 1 FROM tree WHERE key = ?', key) !== undefined;
  }

  read(range: KeyRange, limit: number, isDescending: boolean): StoredRow[] {
    const order = isDescending ? 'DESC' : 'ASC';
    const statement = this.prepared(
      `SELECT key, value, heapRow, sum FROM tree WHERE key >= ? AND key < ? ORDER BY key ${order} LIMIT ?`,
    );
    const rows = statement.all(range.from, range.to, limit) as unknown as Row[];
    return rows.map((row) => ({ key: asBuffer(row[0]), value: () => this.#value(row[0], row) }));
  }

  count(range: KeyRange): number {
    return this.#row('SELECT count(*) FROM tree WHERE key >= ? AND key < ?', range.from, range.to)?.[0] as number;
  }

  countUpTo(range: KeyRange, limit: number): { count: number; last: Buffer | undefined } {
    const [count, last] = this.#row(
      'SELECT count(*), max(key) FROM (SELECT key FROM tree WHERE key >= ? AND key < ? ORDER BY key LIMIT ?)',
      range.from,
      range.to,
      limit,
    ) as [number, Uint8Array | null];
    return { count, last: last === null ? undefined : asBuffer(last) };
  }

  begin(): void {
    this.prepared('BEGIN IMMEDIATE').run();
  }

  commit(): void {
    this.prepared('COMMIT').run();
  }

  rollback(): void {
    // A failed commit or a full disk may have ended the transaction already.
    if (this.#database.isTransaction) this.prepared('ROLLBACK').run();
  }

  nested<T>(work: () => T): T {
    this.prepared('SAVEPOINT command').run();
    try {
      const result = work();
      this.prepared('RELEASE command').run();
      return result;
    } catch (error) {
      if (this.#database.isTransaction) {
        this.prepared('ROLLBACK TO command').run();
        this.prepared('RELEASE command').run();
      }
      throw error;
    }
  }

  put(key: Uint8Array, value: Uint8Array): void {
    if (value.length <= LARGEST_INLINE) {
      // Most often a small value takes the place of a small value.
      const update = this.prepared('UPDATE tree SET value = ?, sum = ? WHERE key = ? AND heapRow IS NULL');
      if (update.run(value, sumOf(value), key).changes === 1) return;
    }
    this.#freeHeap(key);
    this.add(key, value);
  }

  add(key: Uint8Array, value: Uint8Array): void {
    if (value.length <= LARGEST_INLINE) {
      this.prepared('INSERT OR REPLACE INTO tree VALUES (?, ?, NULL, ?)').run(key, value, sumOf(value));
      return;
    }
    const { lastInsertRowid } = this.prepared('INSERT INTO heap (key, value) VALUES (?, ?)').run(key, value);
    this.prepared('INSERT OR REPLACE INTO tree VALUES (?, NULL, ?, ?)').run(key, lastInsertRowid, sumOf(value));
  }

  delete(key: Uint8Array): void {
    this.#freeHeap(key);
    this.prepared('DELETE FROM tree WHERE key = ?').run(key);
  }

  #freeHeap(key: Uint8Array): void {
    const heapRow = this.#row('SELECT heapRow FROM tree WHERE key = ?', key)?.[0];
    if (typeof heapRow === 'number') this.prepared('DELETE FROM heap WHERE row = ?').run(heapRow);
  }

  deleteRange(range: KeyRange): void {
    this.prepared(
      'DELETE FROM heap WHERE row IN (SELECT heapRow FROM tree WHERE key >= ? AND key < ? AND heapRow IS NOT NULL)',
    ).run(range.from, range.to);
    this.prepared('DELETE FROM tree WHERE key >= ? AND key < ?').run(range.from, range.to);
  }

  gather(after: number, count: number): GatheredRows {
    const rows = this.prepared('SELECT row FROM heap WHERE row > ? ORDER BY row LIMIT ?').all(after, count);
    const numbers = rows.map((row) => (row as unknown as [number])[0]);
    const end = numbers.at(-1);
    const newest = this.#number('SELECT coalesce(max(row), 0) FROM heap');
    if (end === undefined) return { last: undefined, newest, moved: 0 };
    // Rows are numbered as they are written, so that what is missing between them has been deleted.
    const isSparse = numbers.length < (end - after) * DENSE;
    let moved = 0;
    for (const row of isSparse ? numbers : []) {
      moved += this.#moveToEnd(row);
      if (moved > MOST_MOVED) return { last: row, newest, moved };
    }
    return { last: end, newest, moved };
  }

  /** @returns octets moved: none where the row is large, for then its pages are its own and freed with it */
  #moveToEnd(row: number): number {
    const found = this.#row('SELECT key FROM heap WHERE row = ? AND length(value) < ?', row, LARGEST_MOVED);
    const key = found?.[0] as Uint8Array | null | undefined;
    if (key === undefined || key === null) return 0;
    const next = this.#number('SELECT max(row) FROM heap') + 1;
    const owner = this.prepared('UPDATE tree SET heapRow = ? WHERE key = ? AND heapRow = ?').run(next, key, row);
    if (owner.changes !== 1) return 0;
    this.prepared('UPDATE heap SET row = ? WHERE row = ?').run(next, row);
    return this.#number('SELECT length(value) FROM heap WHERE row = ?', next);
  }

  shrink(pages: number): number {
    // Each page given back is a row of this statement, which does nothing before it is asked for them.
    this.#database.prepare(`PRAGMA incremental_vacuum(${Math.trunc(pages)})`).all();
    return this.#number('PRAGMA freelist_count');
  }

  #number(sql: string, ...parameters: SQLInputValue[]): number {
    return this.#row(sql, ...parameters)?.[0] as number;
  }

  sizes(): StoreSizes {
    const size = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    const log = size(`${this.#file}-wal`);
    return {
      file: size(this.#file),
      log,
      logInUse: log,
      pageOctets: this.#number('PRAGMA page_size'),
      pages: this.#number('PRAGMA page_count'),
      freePages: this.#number('PRAGMA freelist_count'),
    };
  }

  /** Moves the whole log into the main file. @returns false where some other connection is in the way */
  protected checkpoint(mode: 'RESTART' | 'TRUNCATE'): boolean {
    const [isBusy, frames, moved] = this.#row(`PRAGMA wal_checkpoint(${mode})`) as [number, number, number];
    return isBusy === 0 && frames === moved;
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }
}
