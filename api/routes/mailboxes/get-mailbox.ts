import { z } from 'zod';
import { defineUserRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { mailboxPath, mailboxNotFound, mailboxOutput, requireMailbox, toMailbox } from './mailbox-fields.ts';

export const getMailbox = defineUserRoute({
  method: 'GET',
  path: '/users/:user/mailboxes/:mailbox',
  summary: 'One mailbox by id, or by `path` where the id is `resolve`',
  access: { resource: 'mailboxes', action: 'read' },
  input: {
    mailbox: z.string().regex(/^(?:resolve|[0-9a-fA-F]{24})$/, 'is not a mailbox id'),
    path: mailboxPath.optional(),
  },
  output: { ...mailboxOutput, total: z.number(), unseen: z.number() },
  handler: async ({ mailbox, path }, request) => {
    if (mailbox === 'resolve' && path === undefined) throw inputError('path', 'is required');
    const info =
      mailbox === 'resolve'
        ? await request.services.mailboxes.find(request.user.account, path ?? '')
        : await requireMailbox(request, mailbox);
    if (info === undefined || info.isNoselect) throw mailboxNotFound();
    return { ...toMailbox(info), total: info.messages, unseen: info.unseen };
  },
});
