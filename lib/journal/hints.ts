import type { AccountId } from '../kernel/ids.ts';

/**
 * News that an account's journal has grown: nothing to apply, only a reason to read its tail. Hints may be lost,
 * doubled, reordered or forged; they make notification fast, never correct.
 */
export interface Hints {
  /** Tells the others; never waits, never throws. */
  publish(account: AccountId, q: number): void;
  /**
   * @param listener hears the number of a record that is there now, or Infinity where it cannot be told: hints of
   *   this account may have been missed, as before a subscription that takes a while to reach everybody
   * @returns ends the subscription
   */
  subscribe(account: AccountId, listener: (q: number) => void): () => void;
  /** Called when hints may have been missed: everything that is open is to be looked at. */
  onReset(listener: () => void): () => void;
  close(): Promise<void>;
}

/** Subscriptions of one process by account, common to all kinds of hints. */
export class HintListeners {
  readonly #byAccount = new Map<AccountId, Set<(q: number) => void>>();
  readonly #onReset = new Set<() => void>();

  subscribe(account: AccountId, listener: (q: number) => void): () => void {
    const listeners = this.#byAccount.get(account) ?? new Set();
    this.#byAccount.set(account, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#byAccount.get(account) === listeners) this.#byAccount.delete(account);
    };
  }

  has(account: AccountId): boolean {
    return this.#byAccount.has(account);
  }

  onReset(listener: () => void): () => void {
    this.#onReset.add(listener);
    return () => this.#onReset.delete(listener);
  }

  tell(account: AccountId, q: number): void {
    for (const listener of [...(this.#byAccount.get(account) ?? [])]) listener(q);
  }

  reset(): void {
    for (const listener of [...this.#onReset]) listener();
  }
}

/** Hints between the parts of one process. */
export function createLocalHints(): Hints {
  const listeners = new HintListeners();
  return {
    publish: (account, q) => listeners.tell(account, q),
    subscribe: (account, listener) => listeners.subscribe(account, listener),
    onReset: (listener) => listeners.onReset(listener),
    close: async () => undefined,
  };
}
