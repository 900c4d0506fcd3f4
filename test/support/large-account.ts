import { createHash } from 'node:crypto';
import type { Journal, NewMessage } from '../../lib/journal/index.ts';
import type { AccountId, MessageId } from '../../lib/kernel/ids.ts';

/** Messages of one record: the most that one may have. */
const AT_ONCE = 100_000;

const DAY_MS = 24 * 60 * 60 * 1000;

/** A row as mail has it, a different one for each number and the same one for the same. */
export function largeMailboxRow(number: number): NewMessage {
  const hash = createHash('md5').update(String(number)).digest();
  const messageId = hash.toString('hex') as MessageId;
  const at = Date.UTC(2020, 0, 1) + number * 60_000;
  return {
    messageId,
    thread: messageId,
    size: 1000 + (hash.readUInt16LE(0) % 50_000),
    crlfSize: 1000 + (hash.readUInt16LE(0) % 50_000),
    flags: { system: hash.readUInt8(2) % 4, keywords: number % 50 === 0 ? ['$Important'] : [] },
    internalDate: { at, zoneMinutes: 60 },
    sentDate: number % 10 === 0 ? undefined : { at: at - (hash.readUInt8(3) % 3) * DAY_MS, zoneMinutes: -480 },
  };
}

/** Fills a mailbox through the journal's door, a hundred thousand messages a record; their data is nowhere. */
export async function fillMailbox(journal: Journal, account: AccountId, path: string, count: number): Promise<void> {
  for (let start = 0; start < count; start += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - start);
    await journal.append(
      account,
      { path },
      Array.from({ length }, (_, index) => largeMailboxRow(start + index)),
    );
  }
}
