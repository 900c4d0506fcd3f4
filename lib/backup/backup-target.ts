/** An object at a target. */
export interface TargetObject {
  readonly name: string;
  readonly octets: number;
}

/** Below it lie the locks of who writes. */
export const LOCKS = 'locks/';

/**
 * A place that keeps objects of bounded size by name: a folder, a bucket. Names are made of `a–z 0–9 . - /`. An object
 * is there whole or not at all.
 */
export interface BackupTarget {
  /** For messages. */
  readonly title: string;
  /** Durable once it resolves. Replaces what was there. @throws TargetError */
  put(name: string, octets: Buffer): Promise<void>;
  /** @returns false where such an object is there already */
  putIfAbsent(name: string, octets: Buffer): Promise<boolean>;
  /** Undefined where there is none. @throws TargetError */
  get(name: string): Promise<Buffer | undefined>;
  /** Octets of an object as it is stored; undefined where there is none. */
  size(name: string): Promise<number | undefined>;
  /** Every object whose name begins so, in no order. */
  list(prefix: string): AsyncIterable<TargetObject>;
  /** Nothing where it is gone. */
  remove(name: string): Promise<void>;
  /**
   * Removes what writers that were killed have left beside objects, where the kind of target leaves any. Called by who holds
   * the lock: nobody else is writing.
   */
  removeLeftovers?(): Promise<void>;
}

/** The target cannot do what was asked; it may later. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
}
