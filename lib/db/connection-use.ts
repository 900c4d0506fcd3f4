import type { MongoClient } from 'mongodb';

/**
 * Counts how often the driver took a connection from its pool. It tries a write several times, and its last error
 * does not tell whether an earlier try was sent; that no connection was used from beginning to end does.
 */
export class ConnectionUse {
  #count = 0;

  constructor(client: MongoClient) {
    client.on('connectionCheckedOut', () => {
      this.#count += 1;
    });
  }

  mark(): number {
    return this.#count;
  }

  /** True where nothing can have been sent since the mark, by anybody. */
  isUnusedSince(mark: number): boolean {
    return this.#count === mark;
  }
}
