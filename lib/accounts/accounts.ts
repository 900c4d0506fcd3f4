import type { Address, NewAddress } from '../addresses/index.ts';
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
  /** Grows with every change of password and every suspension; tokens carry the one they were made under. */
  readonly authVersion: number;
}

export interface NewUser {
  readonly username: string;
  /** Undefined or '': no log-in with a password. */
  readonly password: string | undefined;
  /** Undefined: the username where it is an address, else username@default domain. '' none. */
  readonly address?: string;
  readonly name?: string;
  /** 0: the default. */
  readonly quotaOctets?: number;
  readonly language?: string;
  readonly tags?: readonly string[];
  readonly addTagsToAddress?: boolean;
  readonly disabledScopes?: readonly string[];
  readonly metaData?: Readonly<Record<string, unknown>>;
  readonly internalData?: Readonly<Record<string, unknown>>;
}

/** What is not named stays as it is; `password` '' takes the password away. */
export type UserChange = Partial<
  Pick<
    User,
    | 'name'
    | 'quotaOctets'
    | 'language'
    | 'tags'
    | 'metaData'
    | 'internalData'
    | 'isDisabled'
    | 'isSuspended'
    | 'disabledScopes'
  >
> & { readonly password?: string | undefined };

export interface UserListOptions {
  /** Substring of the user name or the main address, whatever the case. */
  readonly query?: string;
  /** At least one of these, whatever the case. */
  readonly tags?: readonly string[];
  /** All of these. */
  readonly requiredTags?: readonly string[];
}

export interface UserPage extends UserListOptions {
  /** Users after this one, ascending; or before it, nearest first. */
  readonly after?: UserId;
  readonly before?: UserId;
  readonly limit: number;
}

/** Whoever tries to log in: an existing user or nobody, and nobody's password takes as long to refuse. */
export interface LoginCandidate {
  readonly user: User | undefined;
  /** Off the event loop. @throws `unavailable` where too many wait already */
  verify(password: string): Promise<boolean>;
}

export interface Accounts {
  /**
   * Name, main address, journal with INBOX, Sent, Drafts, Junk and Trash, and last the row that makes it a user. A
   * crash half-way is finished by a retry; until then there is nobody to log in and the name is not taken.
   * @throws `user-exists`, `address-exists`, `invalid-input`
   */
  create(user: NewUser): Promise<User>;
  /** Kept a few seconds, so that a delivery to a warm account costs no read; `fresh` reads in any case. */
  get(id: UserId, options?: { readonly fresh?: boolean }): Promise<User | undefined>;
  findByUsername(username: string): Promise<User | undefined>;
  /** By user name or any of the user's addresses; never from a cache. The same reads whoever is asked for. */
  forLogin(username: string): Promise<LoginCandidate>;
  /** @throws `user-not-found`, `invalid-input` */
  update(id: UserId, change: UserChange): Promise<User>;
  /**
   * Closes the journal, then removes addresses, name and row; a retry finishes what a crash left.
   * @returns the addresses that went with it
   * @throws `user-not-found`
   */
  remove(id: UserId): Promise<readonly Address[]>;
  /** By id. */
  list(page: UserPage): Promise<readonly User[]>;
  count(options: UserListOptions): Promise<number>;
  /**
   * The first address of a user becomes the main one. A label on a main address is dropped.
   * @throws `user-not-found`, `address-exists`, `invalid-input`
   */
  addAddress(id: UserId, address: string, options?: NewAddress & { readonly isMain?: boolean }): Promise<Address>;
  /** @throws `address-not-found`, also for another user's; `not-permitted` for the main address */
  removeAddress(id: UserId, addressOrId: string): Promise<void>;
}
