/** Counts connections that have not logged in, by address and in all. */
export class UnauthenticatedConnections {
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  /** False, and not counted, where one more would be too many. */
  enter(address: string, limits: { readonly perAddress: number; readonly total: number }): boolean {
    const own = this.#byAddress.get(address) ?? 0;
    if (own >= limits.perAddress || this.#total >= limits.total) return false;
    this.#byAddress.set(address, own + 1);
    this.#total += 1;
    return true;
  }

  leave(address: string): void {
    const own = this.#byAddress.get(address) ?? 0;
    if (own <= 1) this.#byAddress.delete(address);
    else this.#byAddress.set(address, own - 1);
    this.#total -= 1;
  }
}
