/** Asked for where nothing is known: chunks of files make some 2 MiB then. */
const FIRST_DOCUMENTS = 8;
/** A page may have so many times the documents of the one before. */
const GROWTH = 8;

/**
 * How many documents a page asks for. A server fills its replies up to 16 MiB, so that a page of few octets has to ask
 * for few documents, or reads again and again what it lets go; and with the number known, it comes in one reply.
 */
export class PageSize {
  readonly #octets: number;
  readonly #most: number;
  #documents = FIRST_DOCUMENTS;

  /** @param octets that a page is to have; it goes past them by one document at most */
  constructor(octets: number, mostDocuments: number) {
    this.#octets = octets;
    this.#most = mostDocuments;
  }

  /** Options of the query. */
  get asked(): { readonly limit: number; readonly batchSize: number } {
    return { limit: this.#documents, batchSize: this.#documents };
  }

  /** Whether a page that holds these octets is to end here. */
  isFull(octets: number): boolean {
    return octets >= this.#octets;
  }

  /** What lies side by side is of one kind: the next page has as many octets a document as this one. */
  learn(page: readonly Buffer[]): void {
    if (page.length === 0) return;
    const octets = page.reduce((sum, { length }) => sum + length, 0);
    const fitting = Math.floor((this.#octets * page.length) / octets);
    this.#documents = Math.max(1, Math.min(fitting, this.#documents * GROWTH, this.#most));
  }
}
