import { MailError } from '../../../lib/kernel/errors.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { flag } from '../../http/schemas.ts';
import { mailboxPath, mailboxParameter, requireMailbox } from './mailbox-fields.ts';

export const updateMailbox = defineUserRoute({
  method: 'PUT',
  path: '/users/:user/mailboxes/:mailbox',
  summary: 'Rename a mailbox with its children, or change its subscription',
  access: { resource: 'mailboxes', action: 'update' },
  input: {
    mailbox: mailboxParameter,
    path: mailboxPath.optional(),
    subscribed: flag().optional(),
  },
  output: {},
  handler: async ({ mailbox, path, subscribed }, request) => {
    const { mailboxes } = request.services;
    const { account } = request.user;
    if (path === undefined && subscribed === undefined) throw new MailError('invalid-input', 'Nothing was changed');
    const info = await requireMailbox(request, mailbox);
    const isRenamed = path !== undefined && path !== info.path;
    if (isRenamed && info.path === 'INBOX') throw new MailError('mailbox-not-permitted', 'INBOX cannot be renamed');
    if (isRenamed) await mailboxes.rename(account, info.path, path);
    if (subscribed !== undefined) {
      const { path: current } = await requireMailbox(request, mailbox);
      await mailboxes.setSubscribed(account, current, subscribed);
    }
    return {};
  },
});
