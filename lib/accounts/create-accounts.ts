import { uniqueTags, type Addresses } from '../addresses/index.ts';
import type { Database } from '../db/index.ts';
import type { Mailboxes } from '../journal/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { newUserId, type AccountId, type UserId } from '../kernel/ids.ts';
import { LruCache } from '../kernel/lru-cache.ts';
import type { SectionValues } from '../kernel/section.ts';
import type { Accounts, LoginCandidate, User, UserChange, UserListOptions } from './accounts.ts';
import { createUser } from './create-user.ts';
import { addAddress, removeAddress } from './own-addresses.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { removeUser } from './remove-user.ts';
import { openRetiredUsernamesCollection } from './retired-usernames-collection.ts';
import type { accountsSection } from './settings.ts';
import { findPresent, toUser, userNotFound, type AccountsRoom } from './user-rows.ts';
import { openUsernamesCollection } from './usernames-collection.ts';
import { openUsersCollection, type RowChange, type RowFilter, type UserRow } from './users-collection.ts';
import { usernameKey } from './username.ts';

/** Long enough for a burst of deliveries, short enough that a change on another node is soon felt. */
const CACHE_LIFETIME_MS = 5000;
/** In characters of the rows' JSON texts, with a flat share for the rest of a row. */
const CACHE_WEIGHT = 16 * 1024 * 1024;
const ROW_WEIGHT = 1024;

export interface AccountsOptions {
  readonly database: Database;
  readonly mailboxes: Mailboxes;
  readonly addresses: Addresses;
  readonly passwords: PasswordHasher;
  readonly settings: SectionValues<typeof accountsSection.settings>;
  readonly clock: Clock;
}

export function createAccounts(options: AccountsOptions): Accounts {
  const { database, ...rest } = options;
  const room: AccountsRoom = {
    ...rest,
    users: openUsersCollection(database),
    usernames: openUsernamesCollection(database),
    retiredUsernames: openRetiredUsernamesCollection(database),
  };
  const cache = new LruCache<UserId, User>({
    clock: room.clock,
    maxWeight: CACHE_WEIGHT,
    lifetimeMs: CACHE_LIFETIME_MS,
  });

  /** Runs a change and forgets what was cached of the user, whatever came of it. */
  const changing = async <T>(id: UserId, run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } finally {
      cache.delete(id);
    }
  };
  const read = async (id: UserId): Promise<User | undefined> => {
    const row = await findPresent(room.users, id);
    return row === undefined ? undefined : toUser(row);
  };

  return {
    create: (user) => createUser(room, user),
    get: (id, lookup) => {
      if (lookup?.fresh === true) cache.delete(id);
      return cache.load(id, () => read(id), weigh);
    },
    findByUsername: async (username) => {
      const row = await findRowByName(room, username);
      return row === undefined ? undefined : toUser(row);
    },
    forLogin: (username) => findCandidate(room, username),
    update: (id, change) => changing(id, () => updateUser(room, id, change)),
    remove: (id) => changing(id, () => removeUser(room, id)),
    list: async (page) => (await room.users.page(toRowFilter(page), page)).map(toUser),
    count: (filter) => room.users.count(toRowFilter(filter)),
    addAddress: (id, address, details) => changing(id, () => addAddress(room, id, address, details ?? {})),
    removeAddress: (id, addressOrId) => removeAddress(room, id, addressOrId),
  };
}

async function findRowByName(room: AccountsRoom, username: string): Promise<UserRow | undefined> {
  const key = usernameKey(username);
  const reservation = key === undefined ? undefined : await room.usernames.find(key);
  return reservation === undefined ? undefined : findPresent(room.users, reservation.user);
}

/** Asks for name, address and row in the same order whatever there is, so that time tells nothing. */
async function findCandidate(room: AccountsRoom, username: string): Promise<LoginCandidate> {
  const [reservation, address] = await Promise.all([
    room.usernames.find(usernameKey(username) ?? ''),
    room.addresses.get(username.includes('@') ? username : ''),
  ]);
  const row = await findPresent(room.users, reservation?.user ?? address?.user ?? newUserId());
  return {
    user: row === undefined ? undefined : toUser(row),
    verify: (password) => room.passwords.verify(row?.passwordHash ?? undefined, password),
  };
}

async function updateUser(room: AccountsRoom, id: UserId, change: UserChange): Promise<User> {
  const before = await findPresent(room.users, id);
  if (before === undefined) throw userNotFound();
  const rowChange = await toRowChange(room, change);
  if (Object.keys(rowChange).length === 0) return toUser(before);
  if (rowChange.quota !== undefined) await room.mailboxes.setQuota(before.account as AccountId, rowChange.quota);
  const raiseAuthVersion = rowChange.passwordHash !== undefined || change.isSuspended === true;
  const after = await room.users.update(id, rowChange, { raiseAuthVersion });
  if (after === undefined) throw userNotFound();
  return toUser(after);
}

async function toRowChange(room: AccountsRoom, change: UserChange): Promise<RowChange> {
  const { password, quotaOctets, tags, metaData, internalData, ...same } = change;
  const tagList = tags === undefined ? undefined : uniqueTags(tags);
  return {
    ...same,
    ...(quotaOctets !== undefined && { quota: quotaOctets === 0 ? room.settings.defaultQuota : quotaOctets }),
    ...(tagList !== undefined && { tags: tagList, tagKeys: tagList.map((tag) => tag.toLowerCase()) }),
    ...(metaData !== undefined && { metaData: JSON.stringify(metaData) }),
    ...(internalData !== undefined && { internalData: JSON.stringify(internalData) }),
    ...(password !== undefined && { passwordHash: password === '' ? null : await room.passwords.hash(password) }),
  };
}

function toRowFilter(options: UserListOptions): RowFilter {
  return {
    substring: options.query === undefined || options.query === '' ? undefined : options.query,
    anyTag: (options.tags ?? []).map((tag) => tag.toLowerCase()),
    allTags: (options.requiredTags ?? []).map((tag) => tag.toLowerCase()),
  };
}

function weigh(user: User): number {
  return ROW_WEIGHT + JSON.stringify(user.metaData).length + JSON.stringify(user.internalData).length;
}
