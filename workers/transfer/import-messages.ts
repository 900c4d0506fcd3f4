import type { Mailboxes, NewMessage } from '../../lib/journal/index.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import type { Clock } from '../../lib/kernel/clock.ts';
import type { AccountId, MailboxId, MessageId } from '../../lib/kernel/ids.ts';
import type { Messages } from '../../lib/messages/index.ts';
import type { Source } from './read-source.ts';
import type { ReadCounter, SkippedItem, SourceMessage } from './source-message.ts';

export interface ImportParts {
  readonly mailboxes: Mailboxes;
  readonly messages: Messages;
  readonly clock: Clock;
  readonly account: AccountId;
  /** Path of the mailbox that takes what the source does not file itself. */
  readonly target: string;
  readonly maxMessageOctets: number;
  /** Called after each message, with what was read from the disk. */
  readonly onProgress: (report: ImportReport, octets: number) => void;
}

export interface ImportReport {
  imported: number;
  /** Were in the mailbox already: an import that is run again goes on where it stopped. */
  present: number;
  readonly skipped: SkippedItem[];
}

/** Messages appended by one journal record. */
const BATCH = 100;

/**
 * Imports a source. Nothing is imported twice: message ids follow from the octets, so the nth copy of a message in
 * the source is passed over where the mailbox held n copies at the start.
 * @throws MailError `over-quota` and whatever else would meet the rest of the source too
 */
export async function importMessages(source: Source, parts: ImportParts): Promise<ImportReport> {
  const report: ImportReport = { imported: 0, present: 0, skipped: [] };
  const counter: ReadCounter = { octets: 0 };
  const targets = new Map<string, Target>();
  for await (const item of source.items(counter)) {
    if (item.kind === 'skipped') report.skipped.push(item);
    else {
      const target = await targetOf(item.mailbox, parts, targets);
      await importOne(item, target, parts, report);
    }
    parts.onProgress(report, counter.octets);
  }
  for (const target of targets.values()) await flush(target, parts, report);
  parts.onProgress(report, counter.octets);
  return report;
}

interface Target {
  readonly mailbox: MailboxId;
  /** Copies that were there at the start and have not been met in the source yet. */
  readonly present: Map<MessageId, number>;
  waiting: NewMessage[];
}

async function importOne(item: SourceMessage, target: Target, parts: ImportParts, report: ImportReport): Promise<void> {
  const message = await storeOne(item, parts);
  if ('kind' in message) {
    report.skipped.push(message);
    return;
  }
  const copies = target.present.get(message.messageId) ?? 0;
  if (copies > 0) {
    target.present.set(message.messageId, copies - 1);
    report.present += 1;
    return;
  }
  target.waiting.push(message);
  if (target.waiting.length >= BATCH) await flush(target, parts, report);
}

async function storeOne(item: SourceMessage, parts: ImportParts): Promise<NewMessage | SkippedItem> {
  const { messages, mailboxes, account, clock } = parts;
  let ingested: Awaited<ReturnType<Messages['ingest']>>;
  try {
    ingested = await messages.ingest(item.octets, { maxOctets: parts.maxMessageOctets });
  } catch (error) {
    // Told of this one message; everything else would be told of each.
    if (error instanceof MailError && error.code === 'too-big') {
      return { kind: 'skipped', name: item.name, reason: error.message };
    }
    if (error instanceof Error && 'syscall' in error)
      return { kind: 'skipped', name: item.name, reason: error.message };
    throw error;
  }
  try {
    if (ingested.size === 0) return { kind: 'skipped', name: item.name, reason: 'it is empty' };
    const now = clock.now();
    const stored = await messages.store(account, ingested, {
      origin: { kind: 'append' },
      prefix: Buffer.alloc(0),
      q: mailboxes.knownQ(account),
      now,
    });
    return {
      messageId: stored.messageId,
      size: stored.size,
      crlfSize: stored.crlfSize,
      flags: item.flags(),
      internalDate: { at: Math.floor((item.receivedAt ?? stored.sentAt?.at ?? now) / 1000) * 1000, zoneMinutes: 0 },
      sentDate: stored.sentAt,
      thread: stored.thread,
    };
  } finally {
    await ingested.dispose();
  }
}

async function flush(target: Target, { mailboxes, account }: ImportParts, report: ImportReport): Promise<void> {
  if (target.waiting.length === 0) return;
  const { uids } = await mailboxes.append(account, target.mailbox, target.waiting);
  report.imported += uids.length;
  target.waiting = [];
}

async function targetOf(below: string, parts: ImportParts, targets: Map<string, Target>): Promise<Target> {
  const known = targets.get(below);
  if (known !== undefined) return known;
  const { mailboxes, account } = parts;
  const path = pathBelow(parts.target, below);
  const mailbox = (await mailboxes.find(account, path)) ?? (await mailboxes.create(account, path, { subscribe: true }));
  const target: Target = { mailbox: mailbox.id, present: await copiesIn(parts, mailbox.id), waiting: [] };
  targets.set(below, target);
  return target;
}

/** What a source files itself goes to the top level where the target is INBOX, else below the target. */
function pathBelow(target: string, below: string): string {
  if (below === '') return target;
  return target.toUpperCase() === 'INBOX' ? below : `${target}/${below}`;
}

async function copiesIn({ mailboxes, account }: ImportParts, id: MailboxId): Promise<Map<MessageId, number>> {
  const opened = await mailboxes.open(account, id, { isReadOnly: true });
  try {
    const columns = opened.columns();
    const copies = new Map<MessageId, number>();
    for (let at = 0; at < columns.count; at += 1) {
      const messageId = columns.messageId(at);
      copies.set(messageId, (copies.get(messageId) ?? 0) + 1);
    }
    return copies;
  } finally {
    opened.close();
  }
}
