import type { AccountId, UserId } from '../kernel/ids.ts';

/** A user's row as the rest of the system sees it; the password's hash never leaves the room. */
export interface User {
  readonly id: UserId;
  /** Names the journal. */
  readonly account: AccountId;
  readonly username: string;
  readonly name: string;
  /** Main address, '' where there is none. */
  readonly address: string;
  readonly quotaOctets: number;
  readonly isDisabled: boolean;
  readonly isSuspended: boolean;
  readonly disabledScopes: readonly string[];
  readonly hasPassword: boolean;
  readonly language: string;
  readonly tags: readonly string[];
  readonly createdAt: number;
  readonly metaData: Readonly<Record<string, unknown>>;
  readonly internalData: Readonly<Record<string, unknown>>;
  /** Grows with every change of password; tokens carry the one they were made under. */
  readonly authVersion: number;
}

export interface NewUser {
  readonly username: string;
  /** Undefined: no log-in with a password. */
  readonly password: string | undefined;
  /** Undefined: the username where it is an address, else username@default domain. '' none. */
  readonly address?: string;
  readonly name?: string;
  readonly quotaOctets?: number;
  readonly language?: string;
  readonly tags?: readonly string[];
  readonly metaData?: Readonly<Record<string, unknown>>;
  readonly internalData?: Readonly<Record<string, unknown>>;
}

export type UserChange = Partial<
  Pick<User, 'name' | 'quotaOctets' | 'language' | 'tags' | 'metaData' | 'internalData' | 'isDisabled' | 'isSuspended' | 'disabledScopes'>
> & { readonly password?: string | undefined };

export interface Accounts {
  /** Row, main address, journal with INBOX, Sent, Drafts, Junk and Trash. A crash half-way is finished by a retry. */
  create(user: NewUser): Promise<User>;
  get(id: UserId): Promise<User | undefined>;
  findByUsername(username: string): Promise<User | undefined>;
  update(id: UserId, change: UserChange): Promise<User>;
  /** Closes the journal, then removes addresses and the row. */
  remove(id: UserId): Promise<void>;
  /** By id, ascending, after the given one; `query` filters by a substring of username or address. */
  list(options: { readonly after?: UserId; readonly limit: number; readonly query?: string }): Promise<readonly User[]>;
}
