import { createHmac, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Accounts, LoginCandidate, User } from '../accounts/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { MailError } from '../kernel/errors.ts';
import { LruCache } from '../kernel/lru-cache.ts';
import type { Auth, LoginAttempt } from './auth.ts';
import type { LoginLimiter } from './login-limiter.ts';
import { remoteNetwork } from './remote-network.ts';

export interface AuthOptions {
  readonly accounts: Accounts;
  readonly limiter: LoginLimiter;
  readonly clock: Clock;
}

/** Clients that reconnect within this time do not pay for a verification again. */
const REMEMBERED_MS = 5 * 60_000;
const REMEMBERED = 10_000;
/** No user name and no address is longer (RFC 5321 section 4.5.3.1). */
const MAX_USERNAME_CHARACTERS = 512;

export function createAuth({ accounts, limiter, clock }: AuthOptions): Auth {
  const key = randomBytes(32);
  const remembered = new LruCache<string, true>({ clock, maxWeight: REMEMBERED, lifetimeMs: REMEMBERED_MS });
  const running = new Map<string, Promise<boolean>>();
  const seal = (...texts: readonly string[]): string =>
    createHmac('sha256', key).update(JSON.stringify(texts)).digest('base64');

  /** One admitted verification; what was verified lately with the same row is not computed again. */
  const verify = async (
    candidate: LoginCandidate,
    remote: string,
    account: string,
    password: string,
  ): Promise<boolean> => {
    const admitted = await limiter.admit(remote, account);
    let outcome: 'success' | 'failure' | 'undecided' = 'undecided';
    try {
      if (admitted.delayMs > 0) await delay(admitted.delayMs, undefined, { ref: false });
      const proof =
        candidate.user === undefined
          ? undefined
          : seal(candidate.user.id, String(candidate.user.authVersion), password);
      const isRight = (proof !== undefined && remembered.get(proof) === true) || (await candidate.verify(password));
      outcome = isRight ? 'success' : 'failure';
      if (isRight && proof !== undefined) remembered.set(proof, true);
      return isRight;
    } finally {
      admitted.settle(outcome);
    }
  };

  /** A client's many connections log in at once: equal attempts share one verification and count once. */
  const verifyOnce = (
    candidate: LoginCandidate,
    remote: string,
    account: string,
    password: string,
  ): Promise<boolean> => {
    const attempt = seal(remote, account, String(candidate.user?.authVersion ?? 0), password);
    const pending =
      running.get(attempt) ?? verify(candidate, remote, account, password).finally(() => running.delete(attempt));
    running.set(attempt, pending);
    return pending;
  };

  return {
    login: async (attempt) => {
      const username = attempt.username.slice(0, MAX_USERNAME_CHARACTERS);
      const candidate = await accounts.forLogin(username);
      const account = candidate.user?.id ?? `nobody ${username.toLowerCase()}`;
      const isRight = await verifyOnce(candidate, remoteNetwork(attempt.remoteAddress), account, attempt.password);
      if (!isRight || candidate.user === undefined)
        throw new MailError('authentication-failed', 'Authentication failed');
      return admissible(candidate.user, attempt);
    },
  };
}

/** Told only to who knows the password. */
function admissible(user: User, attempt: LoginAttempt): User {
  if (user.isDisabled || user.isSuspended) throw new MailError('account-disabled', 'This account is disabled');
  if (user.disabledScopes.includes(attempt.scope)) {
    throw new MailError('invalid-auth-scope', 'Access to this service is switched off for the account');
  }
  return user;
}
