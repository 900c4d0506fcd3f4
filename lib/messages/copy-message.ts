import { randomBytes } from 'node:crypto';
import type { Attachments } from '../attachments/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId, MessageId } from '../kernel/ids.ts';
import type { MessageCollection } from './message-collection.ts';

/** How often a document may vanish between the insert that met it and its renewal. */
const ROUNDS = 8;

/**
 * Gives another account the same data under the same id. `writtenAtQ` is a position in the target's journal, of which
 * nothing is known here: 0 makes whoever looks for an earlier append look at all of it.
 * @throws MailError `message-not-found`
 */
export async function copyMessage(
  parts: { readonly messages: MessageCollection; readonly attachments: Attachments },
  source: AccountId,
  target: AccountId,
  messageId: MessageId,
  now: number,
): Promise<void> {
  const original = await parts.messages.find({ account: source, messageId });
  if (original === undefined) throw new MailError('message-not-found', 'There is no such message');
  const record = {
    ...original,
    account: target,
    rev: randomBytes(8),
    refToken: randomBytes(8),
    receivedAt: now,
    writtenAtQ: 0,
    raisedAt: undefined,
  };
  const { rendered, attachments } = record;
  const ids = rendered.kind === 'attachment' ? [...attachments, rendered.attachment] : attachments;
  for (let round = 0; round < ROUNDS; round += 1) {
    await parts.attachments.share(record, record.refToken, ids);
    if (await parts.messages.insert(record)) return;
    const there = await parts.messages.renewOne(record, record.rev, ids.length > 0 ? record.refToken : undefined);
    if (there !== undefined) return;
  }
  throw new MailError('unavailable', 'Storage is busy, please try again', { retryAfterMs: 5000 });
}
