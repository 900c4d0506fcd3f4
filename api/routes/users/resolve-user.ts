import { z } from 'zod';
import { MailError } from '../../../lib/kernel/errors.ts';
import { defineRoute } from '../../http/define-route.ts';
import { text } from '../../http/schemas.ts';

export const resolveUser = defineRoute({
  method: 'GET',
  path: '/users/resolve/:username',
  summary: 'The id of a user by user name',
  access: { resource: 'users', action: 'read' },
  input: { username: text(128) },
  output: { id: z.string() },
  handler: async ({ username }, { services }) => {
    const user = await services.accounts.findByUsername(username);
    if (user === undefined) throw new MailError('user-not-found', 'This user does not exist');
    return { id: user.id };
  },
});
