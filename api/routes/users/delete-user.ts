import { z } from 'zod';
import { parseUserId } from '../../../lib/kernel/ids.ts';
import { MailError } from '../../../lib/kernel/errors.ts';
import { defineRoute } from '../../http/define-route.ts';
import { objectId } from '../../http/schemas.ts';

/** Takes the id as it is: a removal that broke off half-way is finished by asking again, when the user is no longer there. */
export const deleteUser = defineRoute({
  method: 'DELETE',
  path: '/users/:user',
  summary: 'Remove a user with all addresses; nothing can be delivered or read from then on',
  access: { resource: 'users', action: 'delete' },
  input: { user: objectId() },
  output: { code: z.string(), user: z.string(), addresses: z.object({ deleted: z.number() }) },
  handler: async (input, { services }) => {
    const id = parseUserId(input.user);
    if (id === undefined) throw new MailError('user-not-found', 'This user does not exist');
    const addresses = await services.accounts.remove(id);
    await services.tokens.revokeAllOf(id);
    return { code: 'TaskScheduled', user: id, addresses: { deleted: addresses.length } };
  },
});
