import { z } from 'zod';
import type { User } from '../../../lib/accounts/index.ts';
import { addressView, type Address } from '../../../lib/addresses/index.ts';
import { MailError } from '../../../lib/kernel/errors.ts';
import type { UserRequest } from '../../http/api-request.ts';
import { dataOutput, text } from '../../http/schemas.ts';

/** In a path: the e-mail address, or its id. */
export const addressParameter = text(1024);

export const addressOutput = {
  id: z.string(),
  name: z.string(),
  address: z.string(),
  main: z.boolean(),
  created: z.string(),
  tags: z.array(z.string()),
  metaData: dataOutput.optional(),
  internalData: dataOutput.optional(),
};

/** One of a user's addresses; the data objects only where they were asked for. */
export function toOwnAddress(address: Address, user: User) {
  return {
    id: address.id,
    name: address.name,
    address: address.address,
    main: isMain(address, user),
    created: new Date(address.createdAt).toISOString(),
    tags: [...address.tags],
  };
}

function isMain(address: Address, user: User): boolean {
  return user.address !== '' && addressView(address.address) === addressView(user.address);
}

/** @throws MailError `address-not-found`, also for another user's */
export async function requireOwnAddress({ services, user }: UserRequest, addressOrId: string): Promise<Address> {
  const address = await services.addresses.get(addressOrId);
  if (address?.user !== user.id) throw addressNotFound();
  return address;
}

export function addressNotFound(): MailError {
  return new MailError('address-not-found', 'Invalid or unknown email address identifier');
}
