import type { Addresses } from '../addresses/index.ts';
import type { Mailboxes } from '../journal/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId, UserId } from '../kernel/ids.ts';
import type { SectionValues } from '../kernel/section.ts';
import type { User } from './accounts.ts';
import type { PasswordHasher } from './password-hasher.ts';
import type { accountsSection } from './settings.ts';
import type { RetiredUsernamesCollection } from './retired-usernames-collection.ts';
import type { UsernamesCollection } from './usernames-collection.ts';
import type { UserRow, UsersCollection } from './users-collection.ts';

/** What the use cases of this room work with. */
export interface AccountsRoom {
  readonly users: UsersCollection;
  readonly usernames: UsernamesCollection;
  readonly retiredUsernames: RetiredUsernamesCollection;
  readonly addresses: Addresses;
  readonly mailboxes: Mailboxes;
  readonly passwords: PasswordHasher;
  readonly settings: SectionValues<typeof accountsSection.settings>;
  readonly clock: Clock;
}

export function toUser(row: UserRow): User {
  return {
    id: row._id as UserId,
    account: row.account as AccountId,
    username: row.username,
    name: row.name,
    address: row.address,
    quotaOctets: row.quota,
    isDisabled: row.isDisabled,
    isSuspended: row.isSuspended,
    disabledScopes: row.disabledScopes,
    hasPassword: row.passwordHash !== null,
    language: row.language,
    tags: row.tags,
    createdAt: row.createdAt,
    metaData: JSON.parse(row.metaData) as Record<string, unknown>,
    internalData: JSON.parse(row.internalData) as Record<string, unknown>,
    authVersion: row.authVersion,
  };
}

/** The row of a user who is there, read from the store; undefined for nobody and for one in removal. */
export async function findPresent(users: UsersCollection, id: string): Promise<UserRow | undefined> {
  const row = await users.find(id);
  return row === undefined || row.isRemoving === true ? undefined : row;
}

export function userNotFound(): MailError {
  return new MailError('user-not-found', 'This user does not exist');
}

export function invalidField(field: string, sentence: string): MailError {
  return new MailError('invalid-input', sentence, { details: new Map([[field, sentence]]) });
}
