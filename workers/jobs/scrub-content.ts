import { setTimeout as sleep } from 'node:timers/promises';
import { defineJob, type Job } from '../../lib/jobs/index.ts';
import type { Journal } from '../../lib/journal/index.ts';
import type { Logger } from '../../lib/kernel/logger.ts';
import type { MessagesRoom } from '../../lib/messages/index.ts';
import { accountRange } from '../maintain-journals.ts';

const SHARDS = 16;

/** Between two messages, so that people's commands come first: at most fifty messages a second and worker. */
const PAUSE_MS = 20;

/**
 * Reads every octet of every message and holds it against its hash, so that damage is found while a backup that is
 * whole still exists. It names what it finds in the log and changes nothing: `eider fsck --repair` does.
 */
export function scrubContent(
  mailboxes: Pick<Journal, 'accounts'>,
  messages: Pick<MessagesRoom, 'messageIds' | 'checkMessage'>,
  logger: Logger,
  everyMs: number,
): Job {
  return defineJob({
    name: 'scrub-content',
    everyMs,
    shards: SHARDS,
    run: async ({ shard, signal }) => {
      const counts = { messages: 0, damaged: 0 };
      for await (const account of mailboxes.accounts(accountRange(shard))) {
        for await (const messageId of messages.messageIds(account)) {
          await sleep(PAUSE_MS, undefined, { signal });
          counts.messages += 1;
          const problems = await messages.checkMessage(account, messageId);
          // It may have been swept since its id was read.
          if (problems.length === 0 || problems.every(({ kind }) => kind === 'missing')) continue;
          counts.damaged += 1;
          for (const { kind, detail } of problems)
            logger.error({ account, message: messageId, kind, detail }, 'damaged message data was found');
        }
      }
      return counts;
    },
  });
}
