import { MailError } from '../../lib/kernel/errors.ts';
import type { UserId } from '../../lib/kernel/ids.ts';

/** What users with tokens have under way, so that no one of them takes all that there is room for. */
export class UserShares {
  readonly #most: number;
  readonly #underWay = new Map<UserId, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns to be called once, when the request is over @throws MailError `unavailable` */
  enter(user: UserId): () => void {
    const others = this.#underWay.get(user) ?? 0;
    if (others >= this.#most)
      throw new MailError('unavailable', 'Too many requests of this user at the moment, please try again');
    this.#underWay.set(user, others + 1);
    return () => {
      const left = (this.#underWay.get(user) ?? 1) - 1;
      if (left === 0) this.#underWay.delete(user);
      else this.#underWay.set(user, left);
    };
  }
}
