import { MailError } from '../../../lib/kernel/errors.ts';
import type { UserRequest } from '../../http/api-request.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { flag } from '../../http/schemas.ts';
import { mailboxPath, mailboxParameter, notServedForMailbox, requireMailbox } from './mailbox-fields.ts';

export const updateMailbox = defineUserRoute({
  method: 'PUT',
  path: '/users/:user/mailboxes/:mailbox',
  summary: 'Rename a mailbox with its children, or change its subscription',
  access: { resource: 'mailboxes', action: 'update' },
  input: {
    mailbox: mailboxParameter,
    path: mailboxPath.optional(),
    subscribed: flag().optional(),
    ...notServedForMailbox,
  },
  output: {},
  handler: async ({ mailbox, path, subscribed }, request) => {
    const { mailboxes } = request.services;
    const { account } = request.user;
    if (path === undefined && subscribed === undefined) throw new MailError('invalid-input', 'Nothing was changed');
    const info = await requireMailbox(request, mailbox);
    const isRenamed = path !== undefined && path !== info.path;
    if (isRenamed && info.path === 'INBOX') throw new MailError('mailbox-not-permitted', 'INBOX cannot be renamed');
    if (isRenamed) await renameSubscribed(request, info.path, path);
    if (subscribed !== undefined) {
      const { path: current } = await requireMailbox(request, mailbox);
      await mailboxes.setSubscribed(account, current, subscribed);
    }
    return {};
  },
});

/** Subscriptions are names: here, where a mailbox has an id and is subscribed or not, they go with it. */
async function renameSubscribed({ services, user }: UserRequest, from: string, to: string): Promise<void> {
  const isMoved = ({ path }: { readonly path: string }): boolean => path === from || path.startsWith(`${from}/`);
  const subscribed = (await services.mailboxes.list(user.account))
    .filter((info) => info.isSubscribed && isMoved(info))
    .map(({ id, path }) => ({ id, path }));
  await services.mailboxes.rename(user.account, from, to);
  for (const { id, path } of subscribed) {
    // The journal spells names its own way.
    const renamed = await services.mailboxes.get(user.account, id);
    if (renamed !== undefined) await services.mailboxes.setSubscribed(user.account, renamed.path, true);
    await services.mailboxes.setSubscribed(user.account, path, false);
  }
}
