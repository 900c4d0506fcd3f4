import type { UserId } from '../kernel/ids.ts';

export interface Address {
  /** 24 hexadecimal digits. */
  readonly id: string;
  /** As written by its owner, e.g. `First.Last@example.com`. Which one is the main address, the user's row says. */
  readonly address: string;
  readonly user: UserId;
  readonly name: string;
  readonly tags: readonly string[];
  readonly metaData: Readonly<Record<string, unknown>>;
  readonly internalData: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export interface NewAddress {
  readonly name?: string;
  readonly tags?: readonly string[];
  readonly metaData?: Readonly<Record<string, unknown>>;
  readonly internalData?: Readonly<Record<string, unknown>>;
}

export interface AddressListOptions {
  /** Substring of the normalised address. */
  readonly query?: string;
  /** At least one of these, whatever the case. */
  readonly tags?: readonly string[];
  /** All of these. */
  readonly requiredTags?: readonly string[];
}

export interface AddressPage extends AddressListOptions {
  /** Addresses that sort after this one, ascending; or before it, nearest first. */
  readonly after?: string;
  readonly before?: string;
  readonly limit: number;
}

/**
 * Who owns which address. An address is known by its normalised form: NFC, lower case, no dots in the local
 * part, the domain in Unicode. Trouble behind is `unavailable`, never "not there".
 */
export interface Addresses {
  /**
   * A retry for the same user gives the address that is there. Use `Accounts.addAddress`, which knows about main
   * addresses.
   * @throws `address-exists` where another user has it, `invalid-input`
   */
  create(user: UserId, address: string, options?: NewAddress): Promise<Address>;
  /** In order of creation. */
  listOf(user: UserId): Promise<readonly Address[]>;
  /** In order of the normalised form. */
  list(page: AddressPage): Promise<readonly Address[]>;
  count(options: AddressListOptions): Promise<number>;
  /** By address or id; the label of a subaddress counts. */
  get(addressOrId: string): Promise<Address | undefined>;
  /**
   * Who receives mail for it: normalised, subaddress (`+label`) dropped. Undefined: nobody here. Answers for
   * addresses that exist are kept a few seconds, so that a delivery to a warm account costs no read.
   */
  resolve(address: string): Promise<Address | undefined>;
  /** @returns false where there is no such address */
  remove(address: string): Promise<boolean>;
  removeAllOf(user: UserId): Promise<readonly Address[]>;
}
