import type { AttachmentsRoom, AttachmentSweepReport } from '../attachments/index.ts';
import { orTemporary, type Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import type { AccountId, MessageId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { DigestPacksCollection } from './digest-packs-collection.ts';
import { MessageCollection } from './message-collection.ts';
import type { MessageKey, SweepCandidate } from './message-document.ts';

/** What the journal says about messages that may go. */
export interface SweepReferences {
  /**
   * In the order of the ids: whether a live row names the message, or one that went at `goneSince` or later
   * (milliseconds since 1970).
   */
  isReferenced(account: AccountId, messageIds: readonly MessageId[], goneSince: number): Promise<readonly boolean[]>;
  /**
   * Records in the journal that these messages are about to go, so that a writer who relies on one learns of it; in
   * the order of the ids, whether it may go. Without it only messages that nobody writes any more may be swept.
   */
  announce?(account: AccountId, messageIds: readonly MessageId[], goneSince: number): Promise<readonly boolean[]>;
}

export interface SweepOptions {
  readonly database: Database;
  readonly attachments: Pick<AttachmentsRoom, 'release' | 'sweep'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly references: SweepReferences;
}

export interface SweepRunOptions {
  /** How old an unreferenced message must be: 8 days by default; attachments then stay condemned for an hour. */
  readonly olderThanMs?: number;
  /** For refs, files and chunks that nothing names: an hour by default, however impatient the run. */
  readonly graceMs?: number;
  readonly signal?: AbortSignal;
}

export interface SweepReport extends AttachmentSweepReport {
  readonly messages: number;
  /** Octets of the messages, attachments counted with each. */
  readonly octets: number;
}

export interface Sweep {
  /** Goes through all messages, then all attachments, once. @throws MailError `unavailable`, the signal's reason */
  run(options?: SweepRunOptions): Promise<SweepReport>;
}

const BATCH = 256;
const DELETES_AT_ONCE = 8;
const HOUR_MS = 60 * 60 * 1000;
/** Longer than a retry of a delivery may take to come (7 days). */
const DELAY_MS = 8 * 24 * HOUR_MS;

export function createSweep(options: SweepOptions): Sweep {
  const messages = new MessageCollection(options.database);
  return {
    run: (run = {}) =>
      orTemporary(async () => {
        const swept = await sweepMessages(messages, options, run);
        const delayMs = run.olderThanMs === undefined ? HOUR_MS : Math.min(run.olderThanMs, HOUR_MS);
        const attachments = await options.attachments.sweep.run({
          delayMs,
          exist: (owners) => messages.exist(owners),
          ...(run.graceMs === undefined ? {} : { graceMs: run.graceMs }),
          ...(run.signal === undefined ? {} : { signal: run.signal }),
        });
        const report = { ...swept, ...attachments };
        options.logger.info({ ...report }, 'swept');
        return report;
      }),
  };
}

async function sweepMessages(
  messages: MessageCollection,
  options: SweepOptions,
  run: SweepRunOptions,
): Promise<{ readonly messages: number; readonly octets: number }> {
  const delayMs = run.olderThanMs ?? DELAY_MS;
  const oldest = options.clock.now() - delayMs;
  let count = 0;
  let octets = 0;
  let last: MessageKey | undefined;
  for (;;) {
    run.signal?.throwIfAborted();
    const page = await messages.page(last, BATCH);
    last = page.at(-1);
    if (last === undefined) return { messages: count, octets };
    const old = page.filter((candidate) => isOld(candidate, oldest));
    for (const candidates of byAccount(old)) {
      const swept = await sweepAccount(messages, options, candidates, oldest);
      count += swept.length;
      octets += swept.reduce((sum, candidate) => sum + candidate.size, 0);
    }
  }
}

/** A witness of a later delivery of the same octets is kept as long as that delivery may be tried again. */
function isOld(candidate: SweepCandidate, oldest: number): boolean {
  return candidate.receivedAt <= oldest && (candidate.raisedAt ?? 0) <= oldest;
}

/** The candidates come in order of account. */
function byAccount(candidates: readonly SweepCandidate[]): SweepCandidate[][] {
  const groups: SweepCandidate[][] = [];
  for (const candidate of candidates) {
    const group = groups.at(-1);
    if (group?.[0]?.account === candidate.account) group.push(candidate);
    else groups.push([candidate]);
  }
  return groups;
}

/** Candidates of one account. @returns those deleted */
async function sweepAccount(
  messages: MessageCollection,
  options: SweepOptions,
  candidates: readonly SweepCandidate[],
  goneSince: number,
): Promise<SweepCandidate[]> {
  const account = candidates[0]?.account;
  if (account === undefined) return [];
  const { references, attachments } = options;
  const ids = candidates.map((candidate) => candidate.messageId);
  const referenced = await references.isReferenced(account, ids, goneSince);
  let doomed = candidates.filter((_, position) => referenced[position] === false);
  if (references.announce !== undefined && doomed.length > 0) {
    const granted = await references.announce(
      account,
      doomed.map((candidate) => candidate.messageId),
      goneSince,
    );
    doomed = doomed.filter((_, position) => granted[position] === true);
    crashPoint('sweep.announced');
  }
  if (doomed.length > 0) await removeLastPacks(new DigestPacksCollection(options.database), messages, account, doomed);
  const deleted: SweepCandidate[] = [];
  const waiting = doomed.values();
  const worker = async (): Promise<void> => {
    for (const candidate of waiting) {
      if (!(await messages.delete(candidate))) continue;
      crashPoint('sweep.document-deleted');
      await attachments.release(candidate, candidate.refToken, candidate.attachments);
      crashPoint('sweep.refs-released');
      deleted.push(candidate);
    }
  };
  await Promise.all(Array.from({ length: Math.min(DELETES_AT_ONCE, doomed.length) }, worker));
  return deleted;
}

/** With an account's last messages go its packs, ahead of them, so that a run that is broken off finds them again. */
async function removeLastPacks(
  packs: DigestPacksCollection,
  messages: MessageCollection,
  account: AccountId,
  doomed: readonly SweepCandidate[],
): Promise<void> {
  const left = await messages.page(undefined, doomed.length + 1, account);
  if (left.length <= doomed.length) await packs.removeAll(account);
}
