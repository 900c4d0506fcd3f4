import type { MessageId } from '../kernel/ids.ts';
import type { AccountLog } from './account-log.ts';
import type { LoadedAccount } from './account-logs.ts';
import { sweepCommand } from './decide-account.ts';
import { loadColumns } from './load-columns.ts';
import { readTombstones } from './vanished.ts';

const ATTEMPTS = 5;

/** For each message id, whether a live row, a tombstone, or a lately deleted mailbox names it. */
export async function isLive(log: AccountLog, messageIds: readonly MessageId[]): Promise<readonly boolean[]> {
  const wanted = new Set(messageIds);
  const live = await tombstonedOf(log, wanted);
  const mailboxes = [...log.state.mailboxes.keys(), ...log.state.removed.keys()];
  await loadColumns(log, mailboxes);
  for (const id of mailboxes) {
    const columns = log.state.columns(id);
    if (columns === undefined) continue;
    for (let at = 0; at < columns.count; at += 1) live.add(columns.messageId(at));
    for (let at = 0; at < columns.tombstones.count; at += 1) live.add(columns.tombstones.messageId(at));
  }
  return messageIds.map((id) => live.has(id));
}

/** Commits a record naming those of the message ids that nothing refers to. @returns them */
export async function sweep(
  { log, queue }: LoadedAccount,
  messageIds: readonly MessageId[],
): Promise<readonly MessageId[]> {
  const tombstoned = await tombstonedOf(log, new Set(messageIds));
  return queue.submit(sweepCommand(messageIds, tombstoned));
}

/** Those that tombstones in segments name. A fold may move on meanwhile: what it writes was in columns before. */
async function tombstonedOf(log: AccountLog, wanted: ReadonlySet<MessageId>): Promise<Set<MessageId>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { checkpoint } = log;
    const named = new Set<MessageId>();
    let isComplete = true;
    for (const [mailbox, { tombstones }] of checkpoint?.segments ?? []) {
      const list = await readTombstones(log, mailbox, tombstones);
      if (list === undefined) isComplete = false;
      else for (let at = 0; at < list.count; at += 1) if (wanted.has(list.messageId(at))) named.add(list.messageId(at));
    }
    if (isComplete && log.checkpoint === checkpoint) return named;
    if (!isComplete) await log.rereadCheckpoint();
  }
  // Nothing can be said for certain: everything counts as referred to.
  return new Set(wanted);
}
