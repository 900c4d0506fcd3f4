import { addressView, withoutLabel, type Address, type NewAddress } from '../addresses/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { UserId } from '../kernel/ids.ts';
import { findPresent, userNotFound, type AccountsRoom } from './user-rows.ts';

/** Longer than any creation of a user takes: an address older than this whose user has no row is left over. */
const ORPHAN_AGE_MS = 10 * 60_000;

/**
 * Creates the address for the user. One that a crashed creation left to a user who never came to be is taken over
 * after some minutes, so that nothing half-made blocks an address for ever.
 */
export async function claimAddress(
  room: AccountsRoom,
  user: UserId,
  address: string,
  details: NewAddress,
): Promise<Address> {
  try {
    return await room.addresses.create(user, address, details);
  } catch (error) {
    if (!(error instanceof MailError) || error.code !== 'address-exists') throw error;
    const holder = await room.addresses.get(address);
    if (holder !== undefined) {
      const isOld = holder.createdAt + ORPHAN_AGE_MS < room.clock.now();
      if (!isOld || (await room.users.find(holder.user)) !== undefined) throw error;
      await room.addresses.remove(holder.address);
    }
    return await room.addresses.create(user, address, details);
  }
}

export async function addAddress(
  room: AccountsRoom,
  id: UserId,
  address: string,
  options: NewAddress & { readonly isMain?: boolean },
): Promise<Address> {
  const user = await findPresent(room.users, id);
  if (user === undefined) throw userNotFound();
  const isMain = options.isMain === true || user.address === '';
  const created = await claimAddress(room, id, isMain ? withoutLabel(address) : address, options);
  const after = isMain
    ? await room.users.update(id, { address: created.address }, { raiseAuthVersion: false })
    : await findPresent(room.users, id);
  if (after === undefined) {
    // Removed meanwhile, perhaps after the removal had listed the addresses.
    await room.addresses.remove(created.address);
    throw userNotFound();
  }
  return created;
}

export async function removeAddress(room: AccountsRoom, id: UserId, addressOrId: string): Promise<void> {
  const user = await findPresent(room.users, id);
  if (user === undefined) throw userNotFound();
  const address = await room.addresses.get(addressOrId);
  if (address?.user !== id) throw new MailError('address-not-found', 'Invalid or unknown email address identifier');
  if (addressView(address.address) === addressView(user.address)) {
    throw new MailError('not-permitted', 'Trying to delete main address. Set a new main address first');
  }
  await room.addresses.remove(address.address);
}
