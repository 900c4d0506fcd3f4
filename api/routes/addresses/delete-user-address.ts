import { defineUserRoute } from '../../http/define-route.ts';
import { addressParameter } from './address-fields.ts';

export const deleteUserAddress = defineUserRoute({
  method: 'DELETE',
  path: '/users/:user/addresses/:address',
  summary: 'Remove an address other than the main one, by address or id',
  access: { resource: 'addresses', action: 'delete' },
  input: { address: addressParameter },
  output: {},
  handler: async ({ address }, { services, user }) => {
    await services.accounts.removeAddress(user.id, address);
    return {};
  },
});
