import { MailError } from '../kernel/errors.ts';
import type { MessageId } from '../kernel/ids.ts';
import type { AccountLog } from './account-log.ts';
import type { LoadedAccount } from './account-logs.ts';
import { eachReference, mailboxesSince, sweepCommand } from './decide-account.ts';
import type { Checkpoint } from './checkpoint.ts';
import { unchanged } from './decision.ts';
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
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { live, checkpoint } = await tombstonedOf(log, new Set(messageIds), goneSince);
    await loadColumns(log, mailboxesSince(log.state, goneSince));
    // A fold in between has moved tombstones from the columns to segments that were not read.
    if (log.checkpoint !== checkpoint) continue;
    eachReference(log.state, goneSince, (id) => live.add(id));
    return messageIds.map((id) => live.has(id));
  }
  return messageIds.map(() => true);
}

/** Commits a record naming those of the message ids that nothing refers to. @returns them */
export async function sweep(
  { log, queue }: LoadedAccount,
  messageIds: readonly MessageId[],
  goneSince: number,
): Promise<readonly MessageId[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { live, checkpoint } = await tombstonedOf(log, new Set(messageIds), goneSince);
    const command = sweepCommand(messageIds, live, goneSince);
    const look = { isStale: false };
    const swept = await queue.submit<readonly MessageId[]>({
      columns: command.columns,
      decide: (state, context) => {
        look.isStale = log.checkpoint !== checkpoint;
        return look.isStale ? unchanged([]) : command.decide(state, context);
      },
    });
    if (!look.isStale) return swept;
  }
  return [];
}

interface Tombstoned {
  readonly live: Set<MessageId>;
  /** What `live` was read from; with another one, tombstones may have moved into segments since. */
  readonly checkpoint: Checkpoint | undefined;
}

/** Those that tombstones in segments name. @throws MailError `unavailable` */
async function tombstonedOf(log: AccountLog, wanted: ReadonlySet<MessageId>, goneSince: number): Promise<Tombstoned> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { checkpoint } = log;
    const live = new Set<MessageId>();
    let isComplete = true;
    for (const [mailbox, { tombstones }] of checkpoint?.segments ?? []) {
      const list = await readTombstones(log, mailbox, tombstones);
      if (list === undefined) {
        isComplete = false;
        break;
      }
      for (let at = 0; at < list.count; at += 1) {
        if (list.at(at) >= goneSince && wanted.has(list.messageId(at))) live.add(list.messageId(at));
      }
    }
    if (isComplete) return { live, checkpoint };
    await log.rereadForSegments();
  }
  throw new MailError('unavailable', 'Storage is not available at the moment, please try again', {
    cause: 'segments keep vanishing',
  });
}
