import { z } from 'zod';
import { defineUserRoute } from '../../http/define-route.ts';
import { mailboxPath, notServedForMailbox } from './mailbox-fields.ts';

export const createMailbox = defineUserRoute({
  method: 'POST',
  path: '/users/:user/mailboxes',
  summary: 'Create a mailbox, and its parents where they are missing; it is subscribed',
  access: { resource: 'mailboxes', action: 'create' },
  input: { path: mailboxPath, ...notServedForMailbox },
  output: { id: z.string() },
  handler: async ({ path }, { services, user }) => {
    const { id } = await services.mailboxes.create(user.account, path, { subscribe: true });
    return { id };
  },
});
