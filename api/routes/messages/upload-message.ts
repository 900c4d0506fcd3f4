import { z } from 'zod';
import { SystemFlag } from '../../../lib/journal/index.ts';
import { crashPoint } from '../../../lib/kernel/crash-point.ts';
import { MailError } from '../../../lib/kernel/errors.ts';
import type { UserRequest } from '../../http/api-request.ts';
import { defineUserRoute } from '../../http/define-route.ts';
import { inputError } from '../../http/input-error.ts';
import { date, flag } from '../../http/schemas.ts';
import { mailboxParameter, requireMailbox } from '../mailboxes/mailbox-fields.ts';
import { composeInput, composeMessage, hasComposeFields } from './compose-message.ts';

const uploadInput = {
  mailbox: mailboxParameter,
  /** When it came in; now, where it is not said. */
  date: date().optional(),
  unseen: flag().default(false),
  flagged: flag().default(false),
  draft: flag().default(false),
  raw: z.string().optional(),
  ...composeInput,
};

type UploadInput = z.output<z.ZodObject<typeof uploadInput>>;

export const uploadMessage = defineUserRoute({
  method: 'POST',
  path: '/users/:user/mailboxes/:mailbox/messages',
  summary:
    'Store a message: its octets as the body (message/rfc822), as the text `raw` in JSON, or put together from fields',
  access: { resource: 'messages', action: 'create' },
  takesMessage: true,
  input: uploadInput,
  output: { message: z.object({ id: z.number(), mailbox: z.string(), size: z.number() }) },
  handler: async (input, request) => {
    const { services, user, signal } = request;
    const now = services.clock.now();
    const source = await sourceOf(input, now, request);
    const mailbox = await requireMailbox(request, input.mailbox);
    const ingested = await services.messages.ingest(source, { maxOctets: services.maxMessageOctets, signal });
    try {
      if (ingested.size === 0) throw new MailError('invalid-input', 'The message is empty');
      const q = services.mailboxes.knownQ(user.account);
      const stored = await services.messages.store(user.account, ingested, {
        origin: { kind: 'append' },
        prefix: Buffer.alloc(0),
        q,
        now,
      });
      crashPoint('upload.stored');
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
      crashPoint('upload.committed');
      return { message: { id: uids[0] ?? 0, mailbox: mailbox.id, size: stored.size } };
    } finally {
      await ingested.dispose();
    }
  },
});

async function sourceOf(input: UploadInput, now: number, request: UserRequest): Promise<AsyncIterable<Buffer>> {
  const ways = [request.content !== undefined, input.raw !== undefined, hasComposeFields(input)].filter(Boolean).length;
  if (ways > 1) throw inputError('raw', 'and fields are not allowed together, nor beside a body that is the message');
  if (request.content !== undefined) return request.content;
  if (input.raw !== undefined) return once(Buffer.from(input.raw));
  if (ways === 0)
    throw new MailError(
      'invalid-input',
      'There is no message: send it as the body (message/rfc822), as `raw`, or in fields',
    );
  return composeMessage(input, { at: input.date ?? now, isDraft: input.draft }, request);
}

async function* once(octets: Buffer): AsyncIterable<Buffer> {
  yield octets;
}
