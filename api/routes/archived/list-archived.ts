import { z } from 'zod';
import { expungedCursor } from '../../../lib/journal/index.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { readPage } from '../../http/paging.ts';
import { pageInput, pageOutput } from '../../http/schemas.ts';
import { summaryOutput, toSummary } from '../messages/message-fields.ts';

const archivedOutput = {
  ...summaryOutput,
  /** Names it to the calls that restore. */
  id: z.string(),
  /** When it was removed. */
  archived: z.string(),
};

export const listArchived = defineUserRoute({
  method: 'GET',
  path: '/users/:user/archived/messages',
  summary: 'List messages that were removed and can be restored, those removed last first',
  access: { resource: 'messages', action: 'read' },
  ignoresUnknown: true,
  input: pageInput,
  output: { ...pageOutput, results: z.array(z.object(archivedOutput)) },
  handler: async (input, { services, user }) => {
    let total = 0;
    const { rows, ...cursors } = await readPage(
      services.cursors,
      JSON.stringify(['archived', user.id]),
      { limit: input.limit, next: input.next, previous: input.previous },
      async ({ after, before, limit }) => {
        const page = await services.mailboxes.expunged(user.account, {
          limit,
          ...(after !== undefined && { cursor: String(after[0]) }),
          ...(before !== undefined && { before: String(before[0]) }),
        });
        ({ total } = page);
        return page.messages;
      },
      (message) => [expungedCursor(message)],
    );
    const results: z.input<z.ZodObject<typeof archivedOutput>>[] = [];
    const digests = services.messages.digests(
      user.account,
      rows.map(({ messageId }) => messageId),
    );
    for await (const digest of digests) {
      const expunged = rows[results.length];
      if (expunged === undefined) break;
      const row = { ...expunged, modseq: expunged.q, crlfSize: expunged.size, savedAt: expunged.expungedAt };
      results.push({
        ...toSummary(row, expunged.mailbox, digest),
        id: expunged.id,
        archived: new Date(expunged.expungedAt).toISOString(),
      });
    }
    return { total, ...cursors, results };
  },
});
