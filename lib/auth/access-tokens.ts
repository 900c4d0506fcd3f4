import { createHash, randomBytes } from 'node:crypto';
import type { Accounts, User } from '../accounts/index.ts';
import type { Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { UserId } from '../kernel/ids.ts';
import { openAccessTokensCollection, type AccessTokenRow } from './access-tokens-collection.ts';

/** Tokens of users for the HTTP API: 40 hexadecimal digits, kept as hashes, void once the user's authVersion grows. */
export interface AccessTokens {
  /** @returns the token, which is told once */
  create(user: User): Promise<string>;
  /** Whose token it is; using it prolongs it. Undefined for every token that is no good, whatever the reason. */
  verify(token: string): Promise<User | undefined>;
  /** @returns false where there is no such token */
  revoke(token: string): Promise<boolean>;
  revokeAllOf(user: UserId): Promise<void>;
  /**
   * Removes what is void by its age among the tokens whose hashes are not below `from` and below `to` (hexadecimal).
   * @returns how many there were
   */
  removeExpired(
    range: { readonly from: string; readonly to: string | undefined },
    signal: AbortSignal,
  ): Promise<number>;
}

export interface AccessTokensOptions {
  readonly database: Database;
  readonly accounts: Accounts;
  readonly clock: Clock;
  readonly settings: { readonly tokenLifetime: number; readonly tokenMaxAge: number };
}

const TOKEN = /^[0-9a-f]{40}$/;
/** A write to prolong a token is worth it once a fourteenth of its life is gone: with the default, once a day. */
const PROLONG_SHARE = 14;
/** A client that asks for a new token at every start leaves no more than these. */
const MAX_TOKENS = 100;
const PAGE = 500;

export function createAccessTokens({ database, accounts, clock, settings }: AccessTokensOptions): AccessTokens {
  const rows = openAccessTokensCollection(database);

  const sweep = async (user: UserId): Promise<void> => {
    const stale = (await rows.findOf(user)).filter(
      (row, position) => position >= MAX_TOKENS || row.expiresAt <= clock.now(),
    );
    for (const row of stale) await rows.remove(row._id);
  };
  const ownerOf = async (row: AccessTokenRow): Promise<User | undefined> => {
    const cached = await accounts.get(row.user as UserId);
    if (cached?.authVersion === row.authVersion) return cached;
    return accounts.get(row.user as UserId, { fresh: true });
  };

  return {
    create: async (user) => {
      const token = randomBytes(20).toString('hex');
      const now = clock.now();
      await rows.insert({
        _id: hashOf(token),
        v: 1,
        user: user.id,
        authVersion: user.authVersion,
        createdAt: now,
        expiresAt: now + settings.tokenLifetime,
      });
      await sweep(user.id);
      return token;
    },
    verify: async (token) => {
      if (!TOKEN.test(token)) return undefined;
      const row = await rows.find(hashOf(token));
      const now = clock.now();
      if (row === undefined || row.expiresAt <= now) return undefined;
      const user = await ownerOf(row);
      if (user?.authVersion !== row.authVersion || user.isDisabled || user.isSuspended) return undefined;
      const expiresAt = Math.min(now + settings.tokenLifetime, row.createdAt + settings.tokenMaxAge);
      if (expiresAt - row.expiresAt > settings.tokenLifetime / PROLONG_SHARE) await rows.prolong(row._id, expiresAt);
      return user;
    },
    revoke: async (token) => TOKEN.test(token) && (await rows.remove(hashOf(token))),
    revokeAllOf: (user) => rows.removeOf(user),
    removeExpired: async ({ from, to }, signal) => {
      let count = 0;
      for (let after = ''; ;) {
        signal.throwIfAborted();
        const page = await rows.page({ after, from, to }, PAGE);
        const now = clock.now();
        const expired = page.filter(({ expiresAt }) => expiresAt <= now).map(({ _id }) => _id);
        if (expired.length > 0) count += await rows.removeExpired(expired, now);
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) return count;
        after = last._id;
      }
    },
  };
}

/** To be called once before the first use of an empty database; harmless later. */
export async function prepareAccessTokens(database: Database): Promise<void> {
  await openAccessTokensCollection(database).ensureIndexes();
}

/** Tokens are random, so a plain hash is enough. */
function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
