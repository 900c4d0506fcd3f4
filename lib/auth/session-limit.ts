import type { AccountId } from '../kernel/ids.ts';
import { MailError } from '../kernel/errors.ts';

/** A place among the sessions of an account. */
export interface SessionLease {
  /** Gives the place back; a second call changes nothing. */
  release(): void;
}

/** Counts the sessions of each account, of one protocol. An implementation may count those of all nodes together. */
export interface SessionLimit {
  /**
   * @param most sessions that there may be, this one included
   * @throws MailError `limit` where there are as many already
   */
  enter(account: AccountId, most: number): Promise<SessionLease>;
}

export function tooManySessions(): MailError {
  return new MailError('limit', 'Too many connections of this account');
}

/** How many sessions of each account this process has. */
export class SessionCounts {
  readonly #counts = new Map<AccountId, number>();

  of(account: AccountId): number {
    return this.#counts.get(account) ?? 0;
  }

  accounts(): Iterable<AccountId> {
    return this.#counts.keys();
  }

  /** @throws MailError `limit` */
  enter(account: AccountId, most: number): void {
    if (this.of(account) >= most) throw tooManySessions();
    this.#counts.set(account, this.of(account) + 1);
  }

  leave(account: AccountId): void {
    const left = this.of(account) - 1;
    if (left > 0) this.#counts.set(account, left);
    else this.#counts.delete(account);
  }
}

/** Counts the sessions of this process. */
export function createLocalSessionLimit(): SessionLimit {
  const counts = new SessionCounts();
  return {
    enter: async (account, most) => {
      counts.enter(account, most);
      return leaseOf(() => counts.leave(account));
    },
  };
}

export function leaseOf(release: () => void): SessionLease {
  let isHeld = true;
  return {
    release: () => {
      if (!isHeld) return;
      isHeld = false;
      release();
    },
  };
}
