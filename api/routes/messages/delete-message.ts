import { z } from 'zod';
import { defineUserRoute } from '../../http/define-route.ts';
import { messageNotFound, messagePath, withMailbox } from './mailbox-access.ts';

export const deleteMessage = defineUserRoute({
  method: 'DELETE',
  path: '/users/:user/mailboxes/:mailbox/messages/:message',
  summary: 'Remove a message from its mailbox for good',
  access: { resource: 'messages', action: 'delete' },
  input: messagePath,
  output: { deleted: z.number(), errors: z.number() },
  handler: (input, request) =>
    withMailbox(request, input.mailbox, async (mailbox) => {
      const { uids } = await mailbox.expunge([{ from: input.message, to: input.message }], { force: true });
      if (uids.length === 0) throw messageNotFound();
      return { deleted: uids.length, errors: 0 };
    }),
});
