import { randomBytes } from 'node:crypto';
import type { Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { MailError } from '../kernel/errors.ts';
import type { UserId } from '../kernel/ids.ts';
import { LruCache } from '../kernel/lru-cache.ts';
import type { Address, Addresses, AddressListOptions, NewAddress } from './addresses.ts';
import {
  openAddressesCollection,
  type AddressesCollection,
  type AddressRow,
  type RowFilter,
} from './addresses-collection.ts';
import { addressFault, addressView, recipientView } from './address-view.ts';

/** Long enough for a burst of deliveries, short enough that a removal on another node is soon felt. */
const CACHE_LIFETIME_MS = 5000;
const CACHE_ENTRIES = 10_000;
const ADDRESS_ID = /^[0-9a-f]{24}$/;

export interface AddressesOptions {
  readonly database: Database;
  readonly clock: Clock;
}

export function createAddresses(options: AddressesOptions): Addresses {
  const rows = openAddressesCollection(options.database);
  const cache = new LruCache<string, Address>({
    clock: options.clock,
    maxWeight: CACHE_ENTRIES,
    lifetimeMs: CACHE_LIFETIME_MS,
  });

  const findByView = async (view: string | undefined): Promise<Address | undefined> => {
    const row = view === undefined ? undefined : await rows.findByView(view);
    return row === undefined ? undefined : toAddress(row);
  };
  const removeRow = async (view: string, user: string): Promise<boolean> => {
    const isRemoved = await rows.remove(view, user);
    cache.delete(view);
    return isRemoved;
  };

  return {
    create: (user, address, details) => create(rows, options.clock, user, address, details ?? {}),
    listOf: async (user) => (await rows.findOf(user)).map(toAddress).sort(byCreation),
    list: async (page) => (await rows.page(toRowFilter(page), page)).map(toAddress),
    count: (filter) => rows.count(toRowFilter(filter)),
    get: async (addressOrId) => {
      if (!ADDRESS_ID.test(addressOrId)) return findByView(addressView(addressOrId));
      const row = await rows.findById(addressOrId);
      return row === undefined ? undefined : toAddress(row);
    },
    resolve: async (address) => {
      const view = recipientView(address);
      return view === undefined ? undefined : cache.load(view, () => findByView(view));
    },
    remove: async (address) => {
      const found = await findByView(addressView(address));
      return found !== undefined && removeRow(viewOf(found), found.user);
    },
    removeAllOf: async (user) => {
      const owned = (await rows.findOf(user)).map(toAddress);
      for (const address of owned) await removeRow(viewOf(address), user);
      return owned;
    },
  };
}

/** To be called once before the first use of an empty database; harmless later. */
export async function prepareAddresses(database: Database): Promise<void> {
  await openAddressesCollection(database).ensureIndexes();
}

async function create(
  rows: AddressesCollection,
  clock: Clock,
  user: UserId,
  text: string,
  details: NewAddress,
): Promise<Address> {
  const address = text.normalize('NFC');
  const view = addressView(address);
  const fault = addressFault(address);
  if (view === undefined || fault !== undefined) {
    throw new MailError('invalid-input', 'Not a usable e-mail address', {
      details: new Map([['address', `The address ${fault ?? 'is empty'}`]]),
    });
  }
  const tags = uniqueTags(details.tags ?? []);
  const row: AddressRow = {
    _id: view,
    v: 1,
    id: randomBytes(12).toString('hex'),
    address,
    user,
    name: details.name ?? '',
    tags,
    tagKeys: tags.map(tagKey),
    metaData: JSON.stringify(details.metaData ?? {}),
    internalData: JSON.stringify(details.internalData ?? {}),
    createdAt: clock.now(),
  };
  if (await rows.insert(row)) return toAddress(row);
  const existing = await rows.findByView(view);
  if (existing?.user === user) return toAddress(existing);
  throw new MailError('address-exists', 'This e-mail address already exists', {
    details: new Map([['address', 'The address is taken']]),
  });
}

function toAddress(row: AddressRow): Address {
  return {
    id: row.id,
    address: row.address,
    user: row.user as UserId,
    name: row.name,
    tags: row.tags,
    metaData: JSON.parse(row.metaData) as Record<string, unknown>,
    internalData: JSON.parse(row.internalData) as Record<string, unknown>,
    createdAt: row.createdAt,
  };
}

function viewOf(address: Address): string {
  return addressView(address.address) ?? address.address;
}

function byCreation(one: Address, other: Address): number {
  return one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1);
}

function toRowFilter(options: AddressListOptions): RowFilter {
  return {
    substring:
      options.query === undefined || options.query === '' ? undefined : options.query.normalize('NFC').toLowerCase(),
    anyTag: (options.tags ?? []).map(tagKey),
    allTags: (options.requiredTags ?? []).map(tagKey),
  };
}

function tagKey(tag: string): string {
  return tag.trim().toLowerCase();
}

/** Trimmed, unique whatever the case, sorted; the first spelling wins. */
export function uniqueTags(tags: readonly string[]): readonly string[] {
  const byKey = new Map<string, string>();
  for (const tag of tags) {
    const key = tagKey(tag);
    if (key !== '' && !byKey.has(key)) byKey.set(key, tag.trim());
  }
  return [...byKey.values()].sort();
}
