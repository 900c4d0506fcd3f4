import { createHash } from 'node:crypto';
import { DamagedAttachment, type Attachments } from '../attachments/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId, AttachmentId, MessageId } from '../kernel/ids.ts';
import type { MessageCollection } from './message-collection.ts';
import type { MessageRecord } from './message-record.ts';
import { decodeParts } from './part-table.ts';
import { ContentReader } from './read-content.ts';
import type { Renderings } from './renderings.ts';

/** What is wrong with a message's data; `sealed`: its document does not open. */
export interface MessageProblem {
  readonly kind: 'missing' | 'sealed' | 'unreadable' | 'wrong-hash' | 'wrong-size' | 'missing-ref' | 'bad-rendering';
  /** For the keeper of the store. */
  readonly detail: string;
}

/** Reads every octet of a message, past the cache of opened ones. @throws MailError `unavailable` on trouble that is no damage */
export async function checkMessage(
  messages: MessageCollection,
  renderings: Renderings,
  attachments: Attachments,
  account: AccountId,
  messageId: MessageId,
): Promise<readonly MessageProblem[]> {
  let record: MessageRecord | undefined;
  try {
    record = await messages.find({ account, messageId });
  } catch (error) {
    return [{ kind: 'sealed', detail: damageIn(error) }];
  }
  if (record === undefined) return [{ kind: 'missing', detail: 'there is no message document' }];
  return [
    ...(await checkOctets(record, attachments)),
    ...(await checkRefs(record, attachments)),
    ...(await checkRendering(record, renderings)),
  ];
}

async function checkOctets(record: MessageRecord, attachments: Attachments): Promise<MessageProblem[]> {
  const hash = createHash('sha256');
  let size = record.prefix.length;
  try {
    for await (const octets of new ContentReader(record, attachments).read(record.prefix.length, record.size)) {
      hash.update(octets);
      size += octets.length;
    }
  } catch (error) {
    return [{ kind: 'unreadable', detail: damageIn(error) }];
  }
  if (size !== record.size) return [{ kind: 'wrong-size', detail: `${size} octets where ${record.size} were stored` }];
  return hash.digest().equals(record.dataHash)
    ? []
    : [{ kind: 'wrong-hash', detail: 'the octets are not those that were stored' }];
}

async function checkRefs(record: MessageRecord, attachments: Attachments): Promise<MessageProblem[]> {
  const ids = refsOf(record);
  if (ids.length === 0) return [];
  const found = await attachments.hasRefs(record, ids);
  return ids
    .filter((_, position) => found[position] === false)
    .map((id) => ({ kind: 'missing-ref', detail: `attachment ${id} is not referred to` }));
}

/** All attachments that the message needs. */
export function refsOf({ attachments, rendered }: MessageRecord): readonly AttachmentId[] {
  return rendered.kind === 'attachment' ? [...attachments, rendered.attachment] : attachments;
}

async function checkRendering(record: MessageRecord, renderings: Renderings): Promise<MessageProblem[]> {
  if (renderings.isStale(record.rendered)) return [];
  try {
    const rendering = await renderings.fetch(record.rendered);
    decodeParts(rendering.parts, record.prefix.length);
    return [];
  } catch (error) {
    const detail = error instanceof RangeError ? error.message : damageIn(error);
    return [{ kind: 'bad-rendering', detail }];
  }
}

/** @throws the error itself where it tells of trouble rather than damage */
function damageIn(error: unknown): string {
  if (!(error instanceof MailError) || error.code !== 'internal') throw error;
  const { cause } = error;
  return cause instanceof DamagedAttachment || cause instanceof Error ? cause.message : error.message;
}
