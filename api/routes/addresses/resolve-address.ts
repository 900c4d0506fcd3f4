import { z } from 'zod';
import { defineRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { dataOutput, flag } from '../../http/schemas.ts';
import { addressNotFound, addressParameter } from './address-fields.ts';

export const resolveAddress = defineRoute({
  method: 'GET',
  path: '/addresses/resolve/:address',
  summary: 'Whose address it is, by address or id; the label of a subaddress does not count',
  access: { resource: 'addresses', action: 'read' },
  input: { address: addressParameter, allowWildcard: flag().optional() },
  output: {
    id: z.string(),
    address: z.string(),
    user: z.string(),
    tags: z.array(z.string()),
    created: z.string(),
    metaData: dataOutput,
    internalData: dataOutput,
  },
  handler: async (input, { services }) => {
    if (!input.address.includes('@') && !/^[0-9a-f]{24}$/.test(input.address))
      throw inputError('address', 'is neither an address nor an id');
    const isAddress = input.address.includes('@');
    const address = isAddress
      ? await services.addresses.resolve(input.address)
      : await services.addresses.get(input.address);
    if (address === undefined) throw addressNotFound();
    return {
      id: address.id,
      address: address.address,
      user: address.user,
      tags: [...address.tags],
      created: new Date(address.createdAt).toISOString(),
      metaData: address.metaData,
      internalData: address.internalData,
    };
  },
});
