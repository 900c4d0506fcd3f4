import type { Attachments } from '../attachments/index.ts';
import type { AccountId, MessageId } from '../kernel/ids.ts';
import { checkMessage, refsOf } from './check-message.ts';
import type { MessageCollection } from './message-collection.ts';
import type { Renderings } from './renderings.ts';

/**
 * Mends what can be made again of what is there: refs to attachments, and what was rendered. Octets that are lost
 * stay lost.
 * @returns what was done, each as a sentence; [] where there was nothing to do, or nothing that could be done
 */
export async function repairMessage(
  messages: MessageCollection,
  renderings: Renderings,
  attachments: Attachments,
  account: AccountId,
  messageId: MessageId,
): Promise<readonly string[]> {
  const kinds = new Set(
    (await checkMessage(messages, renderings, attachments, account, messageId)).map(({ kind }) => kind),
  );
  const done: string[] = [];
  const record = kinds.has('sealed') ? undefined : await messages.find({ account, messageId });
  if (record === undefined) return done;
  if (kinds.has('missing-ref')) {
    await attachments.share(record, record.refToken, refsOf(record));
    done.push(`message ${messageId}: its attachments are referred to again`);
  }
  const isWhole = !['unreadable', 'wrong-hash', 'wrong-size'].some((kind) => kinds.has(kind as never));
  if (kinds.has('bad-rendering') && isWhole) {
    await renderings.renew(record);
    done.push(`message ${messageId}: it was rendered again`);
  }
  return done;
}
