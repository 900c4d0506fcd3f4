import type { MessageId } from '../kernel/ids.ts';
import type { AccountLog } from './account-log.ts';
import type { LoadedAccount } from './account-logs.ts';
import { eachReference, mailboxesSince, sweepCommand } from './decide-account.ts';
import { loadColumns } from './load-columns.ts';
import { readTombstones } from './vanished.ts';

const ATTEMPTS = 5;

/**
 * For each message id, whether a live row names it, or a tombstone or deleted mailbox that went at `goneSince` or
 * later (milliseconds since 1970).
 */
export async function isLive(
  log: AccountLog,
  messageIds: readonly MessageId[],
  goneSince: number,
): Promise<readonly boolean[]> {
  const live = await tombstonedOf(log, new Set(messageIds), goneSince);
  await loadColumns(log, mailboxesSince(log.state, goneSince));
  eachReference(log.state, goneSince, (id) => live.add(id));
  return messageIds.map((id) => live.has(id));
}

/** Commits a record naming those of the message ids that nothing refers to. @returns them */
export async function sweep(
  { log, queue }: LoadedAccount,
  messageIds: readonly MessageId[],
  goneSince: number,
): Promise<readonly MessageId[]> {
  const tombstoned = await tombstonedOf(log, new Set(messageIds), goneSince);
  return queue.submit(sweepCommand(messageIds, tombstoned, goneSince));
}

/** Those that tombstones in segments name. A fold may move on meanwhile: what it writes was in columns before. */
async function tombstonedOf(
  log: AccountLog,
  wanted: ReadonlySet<MessageId>,
  goneSince: number,
): Promise<Set<MessageId>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { checkpoint } = log;
    const named = new Set<MessageId>();
    let isComplete = true;
    for (const [mailbox, { tombstones }] of checkpoint?.segments ?? []) {
      const list = await readTombstones(log, mailbox, tombstones);
      if (list === undefined) isComplete = false;
      else {
        for (let at = 0; at < list.count; at += 1) {
          if (list.at(at) >= goneSince && wanted.has(list.messageId(at))) named.add(list.messageId(at));
        }
      }
    }
    if (isComplete && log.checkpoint === checkpoint) return named;
    if (!isComplete) await log.rereadCheckpoint();
  }
  // Nothing can be said for certain: everything counts as referred to.
  return new Set(wanted);
}
