const CHUNK_ROWS = 65_536;

/** A set of row numbers, an eighth of an octet for each. */
export class RowSet {
  readonly #chunks = new Map<number, Uint8Array>();
  size = 0;

  /** @returns false where it was there */
  add(row: number): boolean {
    const { chunk, at, bit } = this.#place(row);
    const octet = chunk[at] as number;
    if ((octet & bit) !== 0) return false;
    chunk[at] = octet | bit;
    this.size += 1;
    return true;
  }

  /** @returns false where it was not there */
  delete(row: number): boolean {
    const { chunk, at, bit } = this.#place(row);
    const octet = chunk[at] as number;
    if ((octet & bit) === 0) return false;
    chunk[at] = octet & ~bit;
    this.size -= 1;
    return true;
  }

  #place(row: number): { readonly chunk: Uint8Array; readonly at: number; readonly bit: number } {
    const number = Math.floor(row / CHUNK_ROWS);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      chunk = new Uint8Array(CHUNK_ROWS / 8);
      this.#chunks.set(number, chunk);
    }
    const within = row - number * CHUNK_ROWS;
    return { chunk, at: within >> 3, bit: 1 << (within & 7) };
  }
}
