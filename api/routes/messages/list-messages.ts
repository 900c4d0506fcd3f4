import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { placeOf } from '../../../lib/journal/index.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { readPage } from '../../http/paging.ts';
import { flag, pageInput, pageOutput } from '../../http/schemas.ts';
import { mailboxParameter } from '../mailboxes/mailbox-fields.ts';
import { withMailbox } from './mailbox-access.ts';
import { SUMMARY_FIELDS, summaryOutput, toSummary } from './message-fields.ts';
import { countMessages, pageOfMessages, sortKeyAt } from './page-of-messages.ts';

/** How long headers are read in one go; those of strangers may be large. */
const MAX_BUSY_MS = 20;

export const listMessages = defineUserRoute({
  method: 'GET',
  path: '/users/:user/mailboxes/:mailbox/messages',
  summary: 'List messages by the time they came in, newest first',
  access: { resource: 'messages', action: 'read' },
  ignoresUnknown: true,
  input: {
    ...pageInput,
    mailbox: mailboxParameter,
    order: z.enum(['asc', 'desc']).default('desc'),
    unseen: flag().default(false),
  },
  output: { ...pageOutput, specialUse: z.string().nullable(), results: z.array(z.object(summaryOutput)) },
  handler: (input, request) =>
    withMailbox(request, input.mailbox, async (mailbox) => {
      const { services, user } = request;
      const total = countMessages(mailbox.columns(), input.unseen);
      const order = { order: input.order, isUnseenOnly: input.unseen };
      const question = JSON.stringify(['messages', user.id, mailbox.id, order]);
      const { rows, ...cursors } = await readPage(
        services.cursors,
        question,
        { limit: input.limit, next: input.next, previous: input.previous },
        (range) => {
          const columns = mailbox.columns();
          return pageOfMessages(columns, order, range).flatMap((position) => {
            const row = mailbox.row(columns.uid(position));
            return row === undefined ? [] : [{ row, key: sortKeyAt(columns, position) }];
          });
        },
        ({ key }) => key,
      );
      const { specialUse } = mailbox.info();
      const lines = new Map<number, ReturnType<typeof toSummary>>();
      // In order of UID, in which neighbours are packed; a page is short, and in the order that was asked for.
      const inOrder = rows.map(({ row }) => row).sort((one, other) => one.uid - other.uid);
      const digests = services.messages.digestsIn(user.account, placeOf(mailbox), inOrder, SUMMARY_FIELDS);
      let busySince = services.clock.monotonic();
      for await (const some of digests) {
        for (const digest of some) {
          if (services.clock.monotonic() - busySince > MAX_BUSY_MS) {
            await setImmediate();
            busySince = services.clock.monotonic();
          }
          const row = inOrder[lines.size];
          if (row !== undefined) lines.set(row.uid, toSummary(row, mailbox.id, digest));
        }
      }
      const results = rows.flatMap(({ row }) => lines.get(row.uid) ?? []);
      return { total, ...cursors, specialUse: specialUse ?? null, results };
    }),
});
