import { z } from 'zod';
import { SystemFlag } from '../../../lib/journal/index.ts';
import { MailError } from '../../../lib/kernel/errors.ts';
import type { UserRequest } from '../../http/api-request.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { date, flag } from '../../http/schemas.ts';
import { mailboxParameter, requireMailbox } from '../mailboxes/mailbox-fields.ts';

export const uploadMessage = defineUserRoute({
  method: 'POST',
  path: '/users/:user/mailboxes/:mailbox/messages',
  summary: 'Store a message: its octets as the body (message/rfc822), or as the text `raw` in JSON',
  access: { resource: 'messages', action: 'create' },
  takesMessage: true,
  input: {
    mailbox: mailboxParameter,
    /** When it came in; now, where it is not said. */
    date: date().optional(),
    unseen: flag().default(false),
    flagged: flag().default(false),
    draft: flag().default(false),
    raw: z.string().optional(),
  },
  output: { message: z.object({ id: z.number(), mailbox: z.string(), size: z.number() }) },
  handler: async (input, request) => {
    const source = sourceOf(input.raw, request);
    const { services, user, signal } = request;
    const mailbox = await requireMailbox(request, input.mailbox);
    const ingested = await services.messages.ingest(source, { maxOctets: services.maxMessageOctets, signal });
    try {
      if (ingested.size === 0) throw new MailError('invalid-input', 'The message is empty');
      const now = services.clock.now();
      const q = services.mailboxes.knownQ(user.account);
      const stored = await services.messages.store(user.account, ingested, {
        origin: { kind: 'append' },
        prefix: Buffer.alloc(0),
        q,
        now,
      });
      const system =
        (input.unseen ? 0 : SystemFlag.seen) |
        (input.flagged ? SystemFlag.flagged : 0) |
        (input.draft ? SystemFlag.draft : 0);
      const { uids } = await services.mailboxes.append(user.account, mailbox.id, [
        {
          messageId: stored.messageId,
          size: stored.size,
          crlfSize: stored.crlfSize,
          flags: { system, keywords: [] },
          internalDate: { at: input.date ?? now, zoneMinutes: 0 },
          sentDate: stored.sentAt,
          thread: stored.thread,
        },
      ]);
      return { message: { id: uids[0] ?? 0, mailbox: mailbox.id, size: stored.size } };
    } finally {
      await ingested.dispose();
    }
  },
});

function sourceOf(raw: string | undefined, request: UserRequest): AsyncIterable<Buffer> {
  if (request.content !== undefined) {
    if (raw !== undefined) throw inputError('raw', 'is not allowed beside a body that is the message');
    return request.content;
  }
  if (raw === undefined)
    throw inputError('raw', 'is required, or the message as the body with Content-Type: message/rfc822');
  return once(Buffer.from(raw));
}

async function* once(octets: Buffer): AsyncIterable<Buffer> {
  yield octets;
}
