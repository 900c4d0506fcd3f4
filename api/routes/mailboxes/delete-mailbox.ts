import { MailError } from '../../../lib/kernel/errors.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { mailboxParameter, requireMailbox } from './mailbox-fields.ts';

export const deleteMailbox = defineUserRoute({
  method: 'DELETE',
  path: '/users/:user/mailboxes/:mailbox',
  summary: 'Delete a mailbox with its messages; its children stay',
  access: { resource: 'mailboxes', action: 'delete' },
  input: { mailbox: mailboxParameter },
  output: {},
  handler: async ({ mailbox }, request) => {
    const info = await requireMailbox(request, mailbox);
    if (info.path === 'INBOX' || info.specialUse !== undefined) {
      throw new MailError('mailbox-not-permitted', 'INBOX and mailboxes with a special use cannot be deleted');
    }
    await request.services.mailboxes.remove(request.user.account, info.path);
    return {};
  },
});
