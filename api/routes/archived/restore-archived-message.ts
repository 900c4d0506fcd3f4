import { z } from 'zod';
import { MailError } from '../../../lib/kernel/errors.ts';
import { parseMailboxId } from '../../../lib/kernel/ids.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { mailboxNotFound, mailboxParameter } from '../mailboxes/mailbox-fields.ts';

export const restoreArchivedMessage = defineUserRoute({
  method: 'POST',
  path: '/users/:user/archived/messages/:archived/restore',
  summary: 'Put a message that was removed into the mailbox it was in, or into another one, under a new number',
  access: { resource: 'messages', action: 'update' },
  input: {
    archived: z.string().regex(/^[0-9a-fA-F]{32}$/, 'is not the id of a removed message'),
    mailbox: mailboxParameter.optional(),
  },
  output: { mailbox: z.string(), id: z.number() },
  handler: async ({ archived, mailbox }, { services, user }) => {
    const target = mailbox === undefined ? undefined : parseMailboxId(mailbox.toLowerCase());
    if (mailbox !== undefined && target === undefined) throw mailboxNotFound();
    const { restored } = await services.mailboxes.restore(
      user.account,
      [archived.toLowerCase()],
      target === undefined ? {} : { target },
    );
    const [one] = restored;
    if (one === undefined) throw new MailError('message-not-found', 'There is no such removed message');
    return { mailbox: one.mailbox, id: one.uid };
  },
});
