import { addressFault, addressView, uniqueTags, withoutLabel } from '../addresses/index.ts';
import type { AccountInit } from '../journal/index.ts';
import { MailError } from '../kernel/errors.ts';
import { newAccountId, newUserId, type AccountId, type UserId } from '../kernel/ids.ts';
import type { NewUser, User } from './accounts.ts';
import { claimAddress } from './own-addresses.ts';
import { removeUser } from './remove-user.ts';
import { invalidField, toUser, type AccountsRoom } from './user-rows.ts';
import type { UserRow } from './users-collection.ts';
import { normaliseUsername, usernameKey } from './username.ts';

/** The mailboxes that everybody starts with, with their special uses (RFC 6154). */
export const FIRST_MAILBOXES = [
  { path: 'INBOX', subscribe: true },
  { path: 'Sent', specialUse: '\\Sent', subscribe: true },
  { path: 'Drafts', specialUse: '\\Drafts', subscribe: true },
  { path: 'Junk', specialUse: '\\Junk', subscribe: true },
  { path: 'Trash', specialUse: '\\Trash', subscribe: true },
] as const;

/** How often the name may change hands under us (removals that we finish) before we give up. */
const MAX_RESERVATIONS = 3;

interface Reservation {
  readonly user: UserId;
  readonly account: AccountId;
}

/**
 * The order makes every crash harmless. Nobody exists before the row does, and inserting the row is the one step
 * that only one of several creators of a name can win: they share the ids of the reservation, so everything before
 * it is the same whoever does it, and a reservation without a row is taken over by the next who asks.
 */
export async function createUser(room: AccountsRoom, input: NewUser): Promise<User> {
  const username = normaliseUsername(input.username);
  const key = usernameKey(input.username);
  if (username === undefined || key === undefined) {
    throw invalidField(
      'username',
      'A user name has up to 128 of a-z, 0-9 and -, joined by single dots, underscores, = or :',
    );
  }
  const quotaOctets =
    input.quotaOctets === undefined || input.quotaOctets === 0 ? room.settings.defaultQuota : input.quotaOctets;
  const hasPassword = input.password !== undefined && input.password !== '';
  const passwordHash = hasPassword ? await room.passwords.hash(input.password) : null;

  const tags = uniqueTags(input.tags ?? []);
  const addressTags = input.addTagsToAddress === true ? tags : [];
  const { user, account, address } = await reserve(room, key, async ({ user: holder, account: log }) => {
    const claimed = await claimMainAddress(room, holder, username, input, addressTags);
    const uidValidityAbove = await room.retiredUsernames.highestUidValidity(key);
    const init = { quotaOctets, mailboxes: FIRST_MAILBOXES, uidValidityAbove };
    if (await isCreated(room, log, init)) return claimed;
    await withdrawAddress(room, holder, claimed);
    return undefined;
  });
  const row: UserRow = {
    _id: user,
    v: 1,
    account,
    username,
    usernameKey: key,
    name: input.name ?? '',
    address,
    quota: quotaOctets,
    isDisabled: false,
    isSuspended: false,
    disabledScopes: input.disabledScopes ?? [],
    passwordHash,
    language: input.language ?? '',
    tags,
    tagKeys: tags.map((tag) => tag.toLowerCase()),
    createdAt: room.clock.now(),
    metaData: JSON.stringify(input.metaData ?? {}),
    internalData: JSON.stringify(input.internalData ?? {}),
    authVersion: 1,
  };
  if (!(await room.users.insert(row))) {
    await withdrawAddress(room, user, address);
    throw userExists();
  }
  await settle(room, row);
  return toUser(row);
}

/**
 * Reserves the name, and prepares what comes before the row. A reservation that a late restore of a removed user left names
 * a closed log, with which nobody can be made: it goes, and there is another.
 * @param prepare @returns the main address, undefined where the log is closed
 */
async function reserve(
  room: AccountsRoom,
  key: string,
  prepare: (reservation: Reservation) => Promise<string | undefined>,
): Promise<Reservation & { readonly address: string }> {
  for (let attempt = 0; attempt < MAX_RESERVATIONS; attempt += 1) {
    const reservation = await reserveName(room, key);
    const address = await prepare(reservation);
    if (address !== undefined) return { ...reservation, address };
    await room.usernames.remove(key, reservation.user);
  }
  throw userExists();
}

/** @returns false where the log has been closed */
async function isCreated(room: AccountsRoom, account: AccountId, init: AccountInit): Promise<boolean> {
  try {
    await room.mailboxes.createAccount(account, init);
    return true;
  } catch (error) {
    if (error instanceof MailError && error.code === 'user-not-found') return false;
    throw error;
  }
}

async function reserveName(room: AccountsRoom, key: string): Promise<Reservation> {
  for (let attempt = 0; attempt < MAX_RESERVATIONS; attempt += 1) {
    const fresh: Reservation = { user: newUserId(), account: newAccountId() };
    if (await room.usernames.insert({ _id: key, v: 1, ...fresh })) return fresh;
    const held = await room.usernames.find(key);
    if (held === undefined) continue;
    const row = await room.users.find(held.user);
    if (row === undefined) return { user: held.user as UserId, account: held.account as AccountId };
    if (row.isRemoving !== true) throw userExists();
    await removeUser(room, row._id as UserId);
  }
  throw userExists();
}

/** @returns the main address as written, '' where there is none */
async function claimMainAddress(
  room: AccountsRoom,
  user: UserId,
  username: string,
  input: NewUser,
  tags: readonly string[],
): Promise<string> {
  const address = input.address ?? implicitAddress(username, room.settings.defaultDomain);
  if (address === '') return '';
  const claimed = await claimAddress(room, user, withoutLabel(address), { name: input.name ?? '', tags });
  return claimed.address;
}

function implicitAddress(username: string, defaultDomain: string): string {
  const address = username.includes('@') ? username : `${username}@${defaultDomain}`;
  return addressFault(address) === undefined ? address : '';
}

/** What others who took over the same reservation did before we won is brought in line with our row. */
async function settle(room: AccountsRoom, row: UserRow): Promise<void> {
  const user = row._id as UserId;
  const reservation = await room.usernames.find(row.usernameKey);
  if (reservation?.user !== user) {
    // The user of this reservation was made and removed by others while we were on our way.
    await room.users.remove(row);
    await withdrawAddress(room, user, row.address);
    throw userExists();
  }
  const main = addressView(row.address);
  for (const { address } of await room.addresses.listOf(user)) {
    if (addressView(address) !== main) await room.addresses.remove(address);
  }
  const account = row.account as AccountId;
  if ((await room.mailboxes.usage(account)).quotaOctets !== row.quota)
    await room.mailboxes.setQuota(account, row.quota);
}

/** Gives back an address that was claimed for a user who came to have another. */
async function withdrawAddress(room: AccountsRoom, user: UserId, address: string): Promise<void> {
  if (address === '') return;
  const winner = await room.users.find(user);
  if (winner !== undefined && addressView(winner.address) === addressView(address)) return;
  const claimed = await room.addresses.get(address);
  if (claimed?.user === user) await room.addresses.remove(claimed.address);
}

function userExists(): MailError {
  return new MailError('user-exists', 'This username already exists', {
    details: new Map([['username', 'The user name is taken']]),
  });
}
