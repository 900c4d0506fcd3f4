/** An index that queries need; never a unique one beyond the shard key: what must be unique is an `_id`. */
export interface IndexLayout {
  readonly name: string;
  readonly key: Readonly<Record<string, 1 | -1>>;
  /** Only where it begins with the shard key, which alone a cluster can keep unique. */
  readonly unique?: true;
}

/**
 * What the first field of a shard key looks like, for the places where a new collection is split. Binary values of
 * different lengths sort by length first, so that a split point must be as long as the keys are.
 */
export type KeySpace =
  /** Binary of so many octets, the first of them random. */
  | { readonly kind: 'octets'; readonly length: number }
  /** ObjectId, its first octets random. */
  | { readonly kind: 'object-id' }
  /** Text of random hexadecimal digits. */
  | { readonly kind: 'hexadecimal'; readonly length: number }
  /** Names that people choose: the cluster splits where they gather. */
  | { readonly kind: 'names' }
  /** Few rows, whatever the cluster grows to: not sharded. */
  | { readonly kind: 'few' };

/**
 * A collection as `eider db init` makes it. Rooms declare theirs beside the files that use them; sharding is by ranges
 * of the shard key, never hashed, so that an account's documents lie together.
 */
export interface CollectionLayout {
  readonly name: string;
  /** Fields of the shard key in order: `_id`, or what GridFS asks for. */
  readonly shardKey: readonly [string, ...string[]];
  readonly keys: KeySpace;
  /** Besides that of `_id`. */
  readonly indexes: readonly IndexLayout[];
  /**
   * `always`: every operation bounds the shard key. `by-id`: what happens at a log-in or a delivery does; lists and
   * searches of operators may ask every shard.
   */
  readonly targeted: 'always' | 'by-id';
  /**
   * Whether a backup carries what it holds, so that a restore brings it back; where not, why a restored store does
   * without. A migration copies every collection.
   */
  readonly backup: 'carried' | { readonly leftOut: string };
}

/**
 * Work that goes through collections whole, whatever their shard keys: on a cluster each of its commands is one to every
 * shard. It alone may be that on collections that are targeted `always`, and says so in the `comment` of the command,
 * where the logs and `currentOp` of the servers show it.
 */
export const WHOLE_COLLECTION_WORK = {
  copy: 'eider copies a collection whole',
  compare: 'eider compares a collection whole',
} as const;

export type WholeCollectionWork = (typeof WHOLE_COLLECTION_WORK)[keyof typeof WHOLE_COLLECTION_WORK];
