import { createHash } from 'node:crypto';
import type { Journal, NewMessage } from '../../lib/journal/index.ts';
import type { AccountId, MessageId } from '../../lib/kernel/ids.ts';
import type { Messages } from '../../lib/messages/index.ts';

/** Messages of one record: the most that one may have. */
const AT_ONCE = 100_000;

const DAY_MS = 24 * 60 * 60 * 1000;

/** A row as mail has it, a different one for each number and the same one for the same. */
function largeMailboxRow(number: number): NewMessage {
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

/** Fills a mailbox with messages that have data: newsletters' headers, a text and a picture's worth of structure. */
export async function fillWithMail(
  { mailboxes, messages }: { readonly mailboxes: Journal; readonly messages: Messages },
  account: AccountId,
  path: string,
  count: number,
): Promise<void> {
  for (let start = 0; start < count; start += MAIL_AT_ONCE) {
    const length = Math.min(MAIL_AT_ONCE, count - start);
    const rows = await Promise.all(
      Array.from({ length }, async (_, index) => {
        const number = start + index;
        const ingested = await messages.ingest(once(letter(number)), { maxOctets: 1 << 20 });
        const options = { origin: { kind: 'append' }, prefix: Buffer.alloc(0), q: 1, now: 0 } as const;
        const { messageId, size, crlfSize, thread, sentAt } = await messages.store(account, ingested, options);
        await ingested.dispose();
        return { ...largeMailboxRow(number), messageId, size, crlfSize, thread, sentDate: sentAt };
      }),
    );
    await mailboxes.append(account, { path }, rows);
  }
}

/** Creates mailboxes in groups, as a client that moves in does. */
export async function createMailboxes(journal: Journal, account: AccountId, count: number): Promise<void> {
  for (let start = 0; start < count; start += MAILBOXES_AT_ONCE) {
    const length = Math.min(MAILBOXES_AT_ONCE, count - start);
    await Promise.all(
      Array.from({ length }, (_, index) => {
        const number = start + index;
        return journal.create(account, `Lists/${String(number % 100)}/Project number ${String(number)}`);
      }),
    );
  }
}

const MAIL_AT_ONCE = 512;
const MAILBOXES_AT_ONCE = 500;

async function* once(octets: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield octets;
}

function letter(number: number): Buffer {
  return Buffer.from(
    [
      `Return-Path: <bounce-${String(number)}@lists.example.org>`,
      `Received: from relay.example.org (relay.example.org [192.0.2.${String(number % 250)}]) by mx.example.com`,
      `From: "Ann Example ${String(number % 97)}" <ann.${String(number % 97)}@example.org>`,
      'To: bob@example.com, "Carol Example" <carol@example.net>',
      `Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= number ${String(number)}`,
      `Date: Sun, ${String(1 + (number % 28))} Nov 2026 10:00:00 +0100`,
      `Message-ID: <${String(number)}.abcdef@example.org>`,
      `References: <${String(number - 1)}.abcdef@example.org> <${String(number - 2)}.abcdef@example.org>`,
      'MIME-Version: 1.0',
      `Content-Type: multipart/alternative; boundary="b${String(number)}"`,
      '',
      `--b${String(number)}`,
      'Content-Type: text/plain; charset=utf-8',
      '',
      `A text for number ${String(number)}.`,
      `--b${String(number)}`,
      'Content-Type: text/html; charset=utf-8',
      '',
      `<p>A text for number ${String(number)}.</p>`,
      `--b${String(number)}--`,
      '',
    ].join('\r\n'),
  );
}
