import { rowToText, textToRow, type Database } from '../db/index.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId, UserId } from '../kernel/ids.ts';
import { openRetiredUsernamesCollection } from './retired-usernames-collection.ts';
import { usernameKey } from './username.ts';
import { openUsernamesCollection, type UsernamesCollection } from './usernames-collection.ts';
import { openUsersCollection, type RestoreClaim, type UserRow, type UsersCollection } from './users-collection.ts';

/** A user's row on its way elsewhere. */
export interface CarriedUser {
  readonly id: UserId;
  readonly account: AccountId;
  readonly username: string;
  readonly quotaOctets: number;
  /** The row as it is stored, the hash of the password included. */
  readonly row: string;
  /** A restore of this user is under way, or was interrupted. */
  readonly isClaimed: boolean;
}

/** What a name that nobody has any more leaves behind. */
export interface RetiredName {
  readonly key: string;
  readonly uidValidity: number;
}

/** What a restore finds where it claims a user. */
export interface ClaimedUser {
  /** The user who is there; undefined: one is to be made. */
  readonly living: CarriedUser | undefined;
  /** Logs of the restores whose place this one takes; nobody will name them. */
  readonly abandoned: readonly AccountId[];
  /** Of a removal that was not finished: the user's log, whose highest UIDVALIDITY is to be retired under this key. */
  readonly removed: { readonly key: string; readonly account: AccountId } | undefined;
}

/** Rows of users as they are stored, as text, for who keeps them elsewhere. */
export interface UserTransfer extends UserClaims {
  /** By id; users whose removal has begun are none. */
  read(): AsyncGenerator<CarriedUser, void, undefined>;
  find(id: UserId): Promise<CarriedUser | undefined>;
  findByUsername(username: string): Promise<CarriedUser | undefined>;
  count(): Promise<number>;
  /** @throws RangeError where the text is no row */
  describe(row: string): CarriedUser;
  /** The highest UIDVALIDITY that earlier users of the name have had; 0: none has been. */
  retiredUidValidity(row: string): Promise<number>;
  readRetired(): AsyncGenerator<RetiredName, void, undefined>;
  writeRetired(name: RetiredName): Promise<void>;
}

/**
 * Who may give a user another log. The claim stands in the user's row, which the last step of a restore changes only
 * where the claim is still its own: so a restore whose place was taken writes nothing more, however late it comes.
 */
export interface UserClaims {
  /**
   * @param row of the backup; where nobody is there, a row in removal is made of it
   * @param over the claim whose place is taken; 'any' takes that of whoever holds one
   * @returns undefined where another holds the claim
   */
  claim(row: string, claim: RestoreClaim, over?: string): Promise<ClaimedUser | undefined>;
  isClaimedBy(id: UserId, claimId: string): Promise<boolean>;
  release(id: UserId, claimId: string): Promise<void>;
  /** By id. */
  readClaims(): AsyncGenerator<UserClaim, void, undefined>;
  /**
   * Makes the claimed user who the row describes, with the claim's log; whoever is logged in or holds a token has to log in
   * anew.
   */
  write(row: string, claim: RestoreClaim): Promise<'claim-lost' | 'name-taken' | 'written'>;
  /** Has the claimed user go on with the claim's log. @returns false where the log is no longer `from`, or the claim lost */
  switchAccount(id: UserId, from: AccountId, claim: RestoreClaim): Promise<boolean>;
}

/** A restore of a user that is under way, or was interrupted. */
export interface UserClaim {
  readonly user: UserId;
  readonly username: string;
  readonly claim: RestoreClaim;
  /** Somebody is there, with or without the restore. */
  readonly isLiving: boolean;
}

const PAGE = 500;
const ATTEMPTS = 10;
const EVERYBODY = { substring: undefined, anyTag: [], allTags: [] };

export function createUserTransfer(database: Database): UserTransfer {
  const users = openUsersCollection(database);
  const usernames = openUsernamesCollection(database);
  const retired = openRetiredUsernamesCollection(database);
  return {
    async *read() {
      let page = await users.page(EVERYBODY, { limit: PAGE });
      while (page.length > 0) {
        for (const row of page) yield carried(row);
        const after = page.at(-1)?._id;
        page = after === undefined ? [] : await users.page(EVERYBODY, { limit: PAGE, after });
      }
    },
    find: async (id) => carriedIfPresent(await users.find(id)),
    findByUsername: async (username) => {
      const holder = await usernames.find(usernameKey(username) ?? '');
      return holder === undefined ? undefined : carriedIfPresent(await users.find(holder.user));
    },
    count: () => users.count(EVERYBODY),
    describe: (row) => carried(toUserRow(row)),
    retiredUidValidity: (row) => retired.highestUidValidity(toUserRow(row).usernameKey),
    ...userClaims(users, usernames),
    readRetired: () => retired.read(),
    writeRetired: ({ key, uidValidity }) => retired.retire(key, uidValidity),
  };
}

function userClaims(users: UsersCollection, usernames: UsernamesCollection): UserClaims {
  return {
    claim: async (text, claim, over) => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const found = await users.find(describedBy(text)._id);
        if (found === undefined) {
          const restoring = { ...claim, isNew: true as const };
          if (await users.insert({ ...describedBy(text), account: claim.account, isRemoving: true, restoring }))
            return { living: undefined, abandoned: [], removed: undefined };
          continue;
        }
        const held = found.restoring;
        if (held !== undefined && held.id !== claim.id && over !== 'any' && held.id !== over) return undefined;
        const next = held === undefined || held.id === claim.id ? (held ?? claim) : succeeding(held, claim);
        if (await users.claim(found, next)) return toClaimed(found, next);
      }
      throw new MailError('unavailable', 'The user keeps changing');
    },
    isClaimedBy: async (id, claimId) => (await users.find(id))?.restoring?.id === claimId,
    release: (id, claimId) => users.release(id, claimId),
    async *readClaims() {
      let page = await users.claims(undefined, PAGE);
      while (page.length > 0) {
        for (const { _id, username, restoring, isRemoving } of page)
          if (restoring !== undefined)
            yield { user: _id as UserId, username, claim: restoring, isLiving: isRemoving !== true };
        page = await users.claims(page.at(-1)?._id, PAGE);
      }
    },
    write: async (text, { id, account }) => {
      const row = describedBy(text);
      const reservation = { _id: row.usernameKey, v: 1 as const, user: row._id, account };
      if (!(await usernames.insert(reservation))) {
        const holder = await usernames.find(row.usernameKey);
        if (holder !== undefined && holder.user !== row._id) return 'name-taken';
      }
      crashPoint('restore.name-taken');
      const isWritten = await users.replaceClaimed({ ...row, account, authVersion: row.authVersion + 1 }, id);
      return isWritten ? 'written' : 'claim-lost';
    },
    switchAccount: (id, from, claim) => users.switchAccount(id, from, claim.account, claim.id),
  };
}

function succeeding(held: RestoreClaim, claim: RestoreClaim): RestoreClaim {
  const abandoned = [...(held.abandoned ?? []), held.account];
  return { ...claim, abandoned, ...(held.isNew === true ? { isNew: true } : {}) };
}

function toClaimed(row: UserRow, { abandoned, isNew }: RestoreClaim): ClaimedUser {
  const { account, usernameKey, isRemoving } = row;
  const isRemoved = isRemoving === true && isNew !== true;
  return {
    living: carriedIfPresent(row),
    abandoned: (abandoned ?? []) as readonly AccountId[],
    removed: isRemoved ? { key: usernameKey, account: account as AccountId } : undefined,
  };
}

/** What a row of a backup says about the user; what it says about a restore or a removal was of that day. */
function describedBy(text: string): UserRow {
  const row: Omit<UserRow, 'restoring' | 'isRemoving'> & { restoring?: RestoreClaim; isRemoving?: true } = {
    ...toUserRow(text),
  };
  delete row.restoring;
  delete row.isRemoving;
  return row;
}

function carried(row: UserRow): CarriedUser {
  return {
    id: row._id as UserId,
    account: row.account as AccountId,
    username: row.username,
    quotaOctets: row.quota,
    row: rowToText(row),
    isClaimed: row.restoring !== undefined,
  };
}

function carriedIfPresent(row: UserRow | undefined): CarriedUser | undefined {
  return row === undefined || row.isRemoving === true ? undefined : carried(row);
}

function toUserRow(text: string): UserRow {
  const row = textToRow(text);
  if (row['v'] !== 1 || typeof row['_id'] !== 'string' || typeof row['account'] !== 'string')
    throw new RangeError('not the row of a user of a version that is known here');
  return row as unknown as UserRow;
}
