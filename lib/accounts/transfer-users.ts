import { rowToText, textToRow, type Database } from '../db/index.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import type { AccountId, UserId } from '../kernel/ids.ts';
import { openRetiredUsernamesCollection } from './retired-usernames-collection.ts';
import { usernameKey } from './username.ts';
import { openUsernamesCollection } from './usernames-collection.ts';
import { openUsersCollection, type UserRow } from './users-collection.ts';

/** A user's row on its way elsewhere. */
export interface CarriedUser {
  readonly id: UserId;
  readonly account: AccountId;
  readonly username: string;
  readonly quotaOctets: number;
  /** The row as it is stored, the hash of the password included. */
  readonly row: string;
}

/** What a name that nobody has any more leaves behind. */
export interface RetiredName {
  readonly key: string;
  readonly uidValidity: number;
}

/** Rows of users as they are stored, as text, for who keeps them elsewhere. */
export interface UserTransfer {
  /** By id; users whose removal has begun are none. */
  read(): AsyncGenerator<CarriedUser, void, undefined>;
  find(id: UserId): Promise<CarriedUser | undefined>;
  findByUsername(username: string): Promise<CarriedUser | undefined>;
  count(): Promise<number>;
  /** @throws RangeError where the text is no row */
  describe(row: string): CarriedUser;
  /** The highest UIDVALIDITY that earlier users of the name have had; 0: none has been. */
  retiredUidValidity(row: string): Promise<number>;
  /**
   * Makes the user who the row describes, with another log; whoever is logged in or holds a token has to log in anew.
   * @returns false where the name is another user's
   */
  write(row: string, account: AccountId): Promise<boolean>;
  /** Has the user go on with another log. @returns false where the user's log is no longer `from` */
  switchAccount(id: UserId, from: AccountId, to: AccountId): Promise<boolean>;
  readRetired(): AsyncGenerator<RetiredName, void, undefined>;
  writeRetired(name: RetiredName): Promise<void>;
}

const PAGE = 500;
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
    write: async (text, account) => {
      const row = toUserRow(text);
      const reservation = { _id: row.usernameKey, v: 1 as const, user: row._id, account };
      if (!(await usernames.insert(reservation))) {
        const holder = await usernames.find(row.usernameKey);
        if (holder !== undefined && holder.user !== row._id) return false;
      }
      crashPoint('restore.name-taken');
      return users.insert({ ...row, account, authVersion: row.authVersion + 1 });
    },
    switchAccount: async (id, from, to) => users.switchAccount(id, from, to),
    readRetired: () => retired.read(),
    writeRetired: ({ key, uidValidity }) => retired.retire(key, uidValidity),
  };
}

function carried(row: UserRow): CarriedUser {
  return {
    id: row._id as UserId,
    account: row.account as AccountId,
    username: row.username,
    quotaOctets: row.quota,
    row: rowToText(row),
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
