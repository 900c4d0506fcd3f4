import { defineUserRoute } from '../../http/define-route.ts';
import { addressOutput, addressParameter, requireOwnAddress, toOwnAddress } from './address-fields.ts';

export const getUserAddress = defineUserRoute({
  method: 'GET',
  path: '/users/:user/addresses/:address',
  summary: 'One address of a user, by address or id',
  access: { resource: 'addresses', action: 'read' },
  input: { address: addressParameter },
  output: addressOutput,
  handler: async (input, request) => {
    const address = await requireOwnAddress(request, input.address);
    return {
      ...toOwnAddress(address, request.user),
      metaData: address.metaData,
      ...(request.actor.role === 'root' && { internalData: address.internalData }),
    };
  },
});
