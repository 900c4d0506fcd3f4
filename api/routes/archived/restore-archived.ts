import { z } from 'zod';
import { defineUserRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { date } from '../../http/schemas.ts';

export const restoreArchived = defineUserRoute({
  method: 'POST',
  path: '/users/:user/archived/restore',
  summary: 'Put everything that was removed between two moments into the mailboxes it was in',
  access: { resource: 'messages', action: 'update' },
  input: { start: date(), end: date() },
  output: { restored: z.number(), notRestored: z.number() },
  handler: async ({ start, end }, { services, user }) => {
    if (start > end) throw inputError('end', 'is before start');
    return services.mailboxes.restoreAll(user.account, { goneSince: start, goneUntil: end });
  },
});
