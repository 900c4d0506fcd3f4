import { z } from 'zod';
import { MailError } from '../../../lib/kernel/errors.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { data, flag, tags, text } from '../../http/schemas.ts';

export const createAddress = defineUserRoute({
  method: 'POST',
  path: '/users/:user/addresses',
  summary: 'Add an address; the first one of a user becomes the main address',
  access: { resource: 'addresses', action: 'create' },
  input: {
    address: text(320),
    name: text(128).optional(),
    main: flag().optional(),
    allowWildcard: flag().optional(),
    tags: tags().optional(),
    metaData: data().optional(),
    internalData: data().optional(),
  },
  output: { id: z.string() },
  handler: async ({ address, main, allowWildcard, name, tags, metaData, internalData }, { services, user }) => {
    if (allowWildcard === true) throw inputError('allowWildcard', 'cannot be true: there are no wildcard addresses');
    // Making one's own address the main one is a change; naming it again is a mistake, as with another's.
    if (main !== true && (await services.addresses.get(address))?.user === user.id)
      throw new MailError('address-exists', 'This e-mail address already exists');
    const created = await services.accounts.addAddress(user.id, address, {
      isMain: main === true,
      ...(name !== undefined && { name }),
      ...(tags !== undefined && { tags }),
      ...(metaData !== undefined && { metaData }),
      ...(internalData !== undefined && { internalData }),
    });
    return { id: created.id };
  },
});
