import { z } from 'zod';
import { defineUserRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { flag } from '../../http/schemas.ts';
import { mailboxParameter } from '../mailboxes/mailbox-fields.ts';
import { withMailbox } from './mailbox-access.ts';

export const deleteMessages = defineUserRoute({
  method: 'DELETE',
  path: '/users/:user/mailboxes/:mailbox/messages',
  summary: 'Remove all messages of a mailbox for good',
  access: { resource: 'messages', action: 'delete' },
  // There is no archive to skip.
  input: { mailbox: mailboxParameter, async: flag().default(false), skipArchive: flag().optional() },
  output: { deleted: z.number(), errors: z.number() },
  handler: (input, request) => {
    if (input.async) throw inputError('async', 'cannot be true: one record removes them all at once');
    return withMailbox(request, input.mailbox, async (mailbox) => {
      const columns = mailbox.columns();
      if (columns.count === 0) return { deleted: 0, errors: 0 };
      // What comes in meanwhile stays.
      const { uids } = await mailbox.expunge([{ from: 1, to: columns.uid(columns.count - 1) }], { force: true });
      return { deleted: uids.length, errors: 0 };
    });
  },
});
