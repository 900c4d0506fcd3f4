/** One row of the keyspace. Its value is read only when asked for, for it may be large. */
export interface StoredRow {
  readonly key: Buffer;
  value(): Buffer;
}

/** Half-open range of keys, `from` included, `to` not. */
export interface KeyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/**
 * An ordered map from octets to octets on stable storage: all that the engine asks of what lies below it.
 * Everything is synchronous; one caller, one transaction at a time. Reads inside a transaction see its writes.
 */
export interface Store {
  get(key: Uint8Array): Buffer | undefined;
  has(key: Uint8Array): boolean;
  /**
   * Up to `limit` rows of the range, ascending or descending. Nothing stays open between calls: a scan goes on
   * by asking again from behind the last key.
   */
  read(range: KeyRange, limit: number, isDescending: boolean): StoredRow[];
  /** How many rows the range holds. */
  count(range: KeyRange): number;

  begin(): void;
  /** Returns when everything since `begin` is on stable storage. */
  commit(): void;
  rollback(): void;
  /** Runs `work` so that its writes are undone, and only they, when it throws. */
  nested<T>(work: () => T): T;
  put(key: Uint8Array, value: Uint8Array): void;
  /** As `put`, for a key that the caller knows to be absent. */
  add(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  deleteRange(range: KeyRange): void;

  /** Octets on disk, for tests and metrics. */
  sizes(): { readonly file: number; readonly log: number };
  close(): void;
}
