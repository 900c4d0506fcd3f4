import { z } from 'zod';
import { defineUserRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { date } from '../../http/schemas.ts';

/** Messages of one record, and of one read of what was removed. */
const BATCH = 1000;

export const restoreArchived = defineUserRoute({
  method: 'POST',
  path: '/users/:user/archived/restore',
  summary: 'Put everything that was removed between two moments into the mailboxes it was in',
  access: { resource: 'messages', action: 'update' },
  input: { start: date(), end: date() },
  output: { restored: z.number(), notRestored: z.number() },
  handler: async ({ start, end }, { services, user }) => {
    if (start > end) throw inputError('end', 'is before start');
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await services.mailboxes.expunged(user.account, {
        limit: BATCH,
        ...(cursor !== undefined && { cursor }),
      });
      ({ cursor } = page);
      for (const { id, expungedAt } of page.messages) if (expungedAt >= start && expungedAt <= end) ids.push(id);
    } while (cursor !== undefined);
    const counts = { restored: 0, notRestored: 0 };
    // Those removed first come first, so that they keep their order.
    ids.reverse();
    while (ids.length > 0) {
      const { restored, notRestored } = await services.mailboxes.restore(user.account, ids.splice(0, BATCH));
      counts.restored += restored.length;
      counts.notRestored += notRestored.length;
    }
    return counts;
  },
});
