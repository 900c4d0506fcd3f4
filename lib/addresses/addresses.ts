import type { UserId } from '../kernel/ids.ts';

export interface Address {
  /** 24 hexadecimal digits. */
  readonly id: string;
  /** As written by its owner, e.g. `First.Last@example.com`. */
  readonly address: string;
  readonly user: UserId;
  readonly name: string;
  readonly isMain: boolean;
  readonly tags: readonly string[];
  readonly metaData: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
}

export interface Addresses {
  /** @throws `address-exists`, `invalid-input` */
  create(user: UserId, address: string, options?: { readonly isMain?: boolean; readonly name?: string; readonly tags?: readonly string[] }): Promise<Address>;
  listOf(user: UserId): Promise<readonly Address[]>;
  get(address: string): Promise<Address | undefined>;
  /** Who receives mail for it: normalised, subaddress (`+label`) dropped. Undefined: nobody here. */
  resolve(address: string): Promise<Address | undefined>;
  remove(address: string): Promise<void>;
  removeAllOf(user: UserId): Promise<void>;
}
