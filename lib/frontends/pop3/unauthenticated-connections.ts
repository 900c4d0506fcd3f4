/** Counts connections that have not logged in, by address and in all. */
export class UnauthenticatedConnections {
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  /** @returns false, and counts nothing, where one more would be too many */
  enter(address: string, limits: { readonly perAddress: number; readonly total: number }): boolean {
    const count = this.#byAddress.get(address) ?? 0;
    if (count >= limits.perAddress || this.#total >= limits.total) return false;
    this.#byAddress.set(address, count + 1);
    this.#total += 1;
    return true;
  }

  leave(address: string): void {
    const count = this.#byAddress.get(address) ?? 0;
    if (count <= 1) this.#byAddress.delete(address);
    else this.#byAddress.set(address, count - 1);
    this.#total -= 1;
  }
}
