import { z } from 'zod';
import { defineUserRoute } from '../../http/define-route.ts';
import { flag } from '../../http/schemas.ts';
import { addressOutput, toOwnAddress } from './address-fields.ts';

export const listUserAddresses = defineUserRoute({
  method: 'GET',
  path: '/users/:user/addresses',
  summary: 'All addresses of a user',
  access: { resource: 'addresses', action: 'read' },
  input: { metaData: flag().default(false), internalData: flag().default(false) },
  output: { results: z.array(z.object(addressOutput)) },
  handler: async ({ metaData, internalData }, { services, actor, user }) => {
    const addresses = await services.addresses.listOf(user.id);
    return {
      results: addresses.map((address) => ({
        ...toOwnAddress(address, user),
        ...(metaData && { metaData: address.metaData }),
        ...(internalData && actor.role === 'root' && { internalData: address.internalData }),
      })),
    };
  },
});
