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

/** The row that names the owner of the data; the only one that is the store's own. */
export const OWNER_KEY: Buffer = Buffer.from([0x04]);

/** A value is not what was written: its octets are not to be given to anybody. */
export class DamagedValueError extends Error {
  override readonly name = 'DamagedValueError';
  readonly key: Buffer;
  /** True where there is nothing to read at all. */
  readonly isMissing: boolean;

  constructor(key: Uint8Array, what: string, isMissing = false) {
    super(`the data is damaged: ${what}`);
    this.key = Buffer.from(key);
    this.isMissing = isMissing;
  }
}

export interface GatheredRows {
  /** The last value looked at; undefined where there are no more. */
  readonly last: number | undefined;
  /** The last value there is. */
  readonly newest: number;
  /** Octets written anew. */
  readonly moved: number;
}

/** How much of the disk the data takes. */
export interface StoreSizes {
  /** Octets of the main file. */
  readonly file: number;
  /** Octets of the write-ahead log on the disk, and of what it holds at present. */
  readonly log: number;
  readonly logInUse: number;
  readonly pageOctets: number;
  readonly pages: number;
  /** Pages that hold nothing, and are taken first when something is written. */
  readonly freePages: number;
}

/**
 * An ordered map from octets to octets on stable storage: all that the engine asks of what lies below it.
 * Everything is synchronous; one caller, one transaction at a time. Reads inside a transaction see its writes.
 */
export interface Store {
  /** Each value read is held against its checksum. @throws DamagedValueError */
  get(key: Uint8Array): Buffer | undefined;
  has(key: Uint8Array): boolean;
  /**
   * Up to `limit` rows of the range, ascending or descending. Nothing stays open between calls: a scan goes on
   * by asking again from behind the last key.
   */
  read(range: KeyRange, limit: number, isDescending: boolean): StoredRow[];
  /** How many rows the range holds. */
  count(range: KeyRange): number;
  /** Counts up to `limit` rows from the beginning of the range; `last` is the key of the last of them. */
  countUpTo(range: KeyRange, limit: number): { readonly count: number; readonly last: Buffer | undefined };

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

  /**
   * Looks at the next large values, in the order in which they were written, and writes them anew behind all others
   * where many of their neighbours have been deleted: the pages that they shared are free then. To be called inside of
   * a transaction.
   * @param after where to begin: 0, or `last` of the call before
   * @param count how many values to look at
   */
  gather(after: number, count: number): GatheredRows;
  /**
   * Moves the last pages of the file into free ones, to be called inside of a transaction.
   * @param pages how many to give back at most
   * @returns free pages that are left
   */
  shrink(pages: number): number;
  sizes(): StoreSizes;
  close(): void;
}
