import { z } from 'zod';
import { defineUserRoute } from '../../http/define-route.ts';
import { flag } from '../../http/schemas.ts';
import { mailboxOutput, toMailbox } from './mailbox-fields.ts';

export const listMailboxes = defineUserRoute({
  method: 'GET',
  path: '/users/:user/mailboxes',
  summary: 'List mailboxes: INBOX and what is below it, then the subscribed, then by path',
  access: { resource: 'mailboxes', action: 'read' },
  input: {
    specialUse: flag().default(false),
    showHidden: flag().default(false),
    counters: flag().default(false),
    sizes: flag().default(false),
  },
  output: {
    results: z.array(
      z.object({
        ...mailboxOutput,
        total: z.number().optional(),
        unseen: z.number().optional(),
        size: z.number().optional(),
      }),
    ),
  },
  handler: async ({ specialUse, counters, sizes }, { services, user }) => {
    const mailboxes = await services.mailboxes.list(user.account);
    const rank = ({ path, subscribed }: { readonly path: string; readonly subscribed: boolean }): number =>
      path === 'INBOX' ? 0 : path.startsWith('INBOX/') ? 1 : subscribed ? 2 : 3;
    return {
      results: mailboxes
        .filter((info) => !info.isNoselect && (!specialUse || info.specialUse !== undefined))
        .map((info) => ({
          ...toMailbox(info),
          ...(counters && { total: info.messages, unseen: info.unseen }),
          ...(sizes && info.octets > 0 && { size: info.octets }),
        }))
        .sort((one, other) => rank(one) - rank(other) || (one.path < other.path ? -1 : 1)),
    };
  },
});
