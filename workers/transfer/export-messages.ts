import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { MailboxInfo, Mailboxes, MessageRow, OpenMailbox } from '../../lib/journal/index.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import type { Messages } from '../../lib/messages/index.ts';
import { folderOf, lettersOf } from './maildir-names.ts';
import { mboxFileOf, mboxMessage } from './write-mbox.ts';

export interface ExportParts {
  readonly mailboxes: Mailboxes;
  readonly messages: Messages;
  readonly account: AccountId;
  /** Folder that takes it all. */
  readonly folder: string;
  readonly onProgress: (exported: number, total: number) => void;
}

export interface ExportReport {
  exported: number;
  /** Were there from an earlier run. */
  present: number;
  /** Mailboxes whose names are too long for a file. */
  readonly skipped: { readonly mailbox: string; readonly reason: string }[];
}

const ALL = [{ from: 1, to: 0xffffffff }];

/** Exports every mailbox as a Maildir with Maildir++ folders; messages to the octet, with flags and dates. */
export async function exportMaildir(parts: ExportParts): Promise<ExportReport> {
  return await exportEach(parts, async (info, opened, report, onMessage) => {
    const folder = join(parts.folder, folderOf(info.path));
    for (const part of ['cur', 'new', 'tmp']) await mkdir(join(folder, part), { recursive: true, mode: 0o700 });
    const keywords = info.keywords.filter((keyword) => keyword.toLowerCase() !== '$forwarded').slice(0, 26);
    const lines = keywords.map((keyword, index) => `${String(index)} ${keyword}\n`).join('');
    if (lines !== '') await writeFile(join(folder, 'dovecot-keywords'), lines, { mode: 0o600 });
    for (const row of opened.rows(ALL)) {
      if (await writeMaildirMessage(parts, folder, row, keywords)) report.exported += 1;
      else report.present += 1;
      onMessage();
    }
  });
}

/** @returns false where it was there already */
async function writeMaildirMessage(
  { messages, account }: ExportParts,
  folder: string,
  row: MessageRow,
  keywords: readonly string[],
): Promise<boolean> {
  const seconds = Math.floor(row.internalDate.at / 1000);
  const name = `${String(seconds)}.${row.messageId}.${String(row.uid)}.eider,S=${String(row.size)}`;
  const target = join(folder, 'cur', `${name}:2,${lettersOf(row.flags, keywords)}`);
  if ((await stat(target).catch(() => undefined)) !== undefined) return false;
  const temporary = join(folder, 'tmp', name);
  const content = await messages.open(account, row.messageId);
  await pipeline(content.range(0, content.size), createWriteStream(temporary, { mode: 0o600 }));
  await utimes(temporary, seconds, seconds);
  await rename(temporary, target);
  return true;
}

/** Exports every mailbox as one mbox file (mboxrd), lines ending with LF, without flags. */
export async function exportMbox(parts: ExportParts): Promise<ExportReport> {
  return await exportEach(parts, async (info, opened, report, onMessage) => {
    const file = join(parts.folder, mboxFileOf(info.path));
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${file}.part`;
    const rows = opened.rows(ALL);
    const all = async function* (): AsyncIterable<Buffer> {
      for (const row of rows) {
        const content = await parts.messages.open(parts.account, row.messageId);
        yield* mboxMessage(content.range(0, content.size), row.internalDate.at);
        report.exported += 1;
        onMessage();
      }
    };
    try {
      await pipeline(all, createWriteStream(temporary, { mode: 0o600 }));
      await rename(temporary, file);
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

async function exportEach(
  parts: ExportParts,
  run: (info: MailboxInfo, opened: OpenMailbox, report: ExportReport, onMessage: () => void) => Promise<void>,
): Promise<ExportReport> {
  const { mailboxes, account } = parts;
  const infos = (await mailboxes.list(account)).filter((info) => !info.isNoselect);
  const total = infos.reduce((sum, info) => sum + info.messages, 0);
  const report: ExportReport = { exported: 0, present: 0, skipped: [] };
  await mkdir(parts.folder, { recursive: true, mode: 0o700 });
  for (const info of infos) {
    const opened = await mailboxes.open(account, info.id, { isReadOnly: true });
    try {
      await run(info, opened, report, () => parts.onProgress(report.exported + report.present, total));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENAMETOOLONG')) throw error;
      report.skipped.push({ mailbox: info.path, reason: 'its name is too long for a file' });
    } finally {
      opened.close();
    }
  }
  return report;
}
