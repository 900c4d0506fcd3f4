import type { AccountId, MessageId } from '../kernel/ids.ts';
import { Digest } from './digest.ts';
import type { MessageCollection } from './message-collection.ts';
import type { MessageSummary } from './message-record.ts';
import type { Renderings } from './renderings.ts';

/** Documents of one read. */
const BATCH = 256;

/** See Messages.digests: while one batch is being used the next is on its way. */
export async function* readDigests(
  messages: MessageCollection,
  renderings: Renderings,
  account: AccountId,
  messageIds: readonly MessageId[],
): AsyncGenerator<Digest | undefined, void, undefined> {
  const read = (start: number): Promise<ReadonlyMap<MessageId, MessageSummary>> => {
    const batch = messages.summaries(account, [...new Set(messageIds.slice(start, start + BATCH))]);
    // Whoever stops early never asks for it.
    batch.catch(() => undefined);
    return batch;
  };
  let next = messageIds.length > 0 ? read(0) : undefined;
  for (let start = 0; next !== undefined; start += BATCH) {
    const summaries = await next;
    next = start + BATCH < messageIds.length ? read(start + BATCH) : undefined;
    for (const messageId of messageIds.slice(start, start + BATCH)) {
      const summary = summaries.get(messageId);
      yield summary === undefined ? undefined : await toDigest(messages, renderings, summary);
    }
  }
}

async function toDigest(
  messages: MessageCollection,
  renderings: Renderings,
  summary: MessageSummary,
): Promise<Digest | undefined> {
  if (!renderings.isStale(summary.rendered)) return new Digest(summary, await renderings.fetch(summary.rendered));
  const record = await messages.find(summary);
  return record === undefined ? undefined : new Digest(summary, await renderings.renew(record));
}
