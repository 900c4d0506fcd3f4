import { open, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CommandError } from '../command-error.ts';
import { isMaildir, readMaildir } from './read-maildir.ts';
import { readFileMessage } from './read-file-message.ts';
import { readMbox } from './read-mbox.ts';
import type { ReadCounter, SourceItem } from './source-message.ts';
import { mailboxOfFile } from './write-mbox.ts';

/** What a path holds, ready to be read. */
export interface Source {
  /** Size on disk, for the progress bar. */
  readonly totalOctets: number;
  /** In the order in which they are to be appended. */
  items(counter: ReadCounter): AsyncIterable<SourceItem>;
}

/**
 * A Maildir, an mbox file, a message (.eml), or a folder of such files, whose name, without .mbox, is then the
 * mailbox's; told apart by what they hold. @throws CommandError where there is nothing such
 */
export async function openSource(path: string): Promise<Source> {
  const root = resolve(path);
  const found = await stat(root).catch((error: unknown) => {
    throw new CommandError(error instanceof Error ? error.message : String(error), { cause: error });
  });
  const totalOctets = await sizeOf(root);
  if (!found.isDirectory()) return { totalOctets, items: (counter) => readFile(root, '', counter) };
  if (await isMaildir(root)) return { totalOctets, items: (counter) => readMaildir(root, counter) };
  return { totalOctets, items: (counter) => readFolder(root, counter) };
}

async function* readFolder(folder: string, counter: ReadCounter): AsyncIterable<SourceItem> {
  const names = (await readdir(folder, { withFileTypes: true, recursive: true }))
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const name of names) {
    const mailbox = name.endsWith('.mbox') ? mailboxOfFile(name.slice(folder.length + 1)) : '';
    yield* readFile(name, mailbox, counter);
  }
}

async function* readFile(file: string, mailbox: string, counter: ReadCounter): AsyncIterable<SourceItem> {
  let start: Buffer;
  let modifiedAt: number;
  try {
    start = await readStart(file);
    modifiedAt = (await stat(file)).mtimeMs;
  } catch (error) {
    yield { kind: 'skipped', name: file, reason: error instanceof Error ? error.message : String(error) };
    return;
  }
  // An empty mailbox, as `export` writes it, lacks nothing.
  if (start.length === 0 && file.endsWith('.mbox')) return;
  if (start.length === 0) yield { kind: 'skipped', name: file, reason: 'it is empty' };
  else if (start.subarray(0, 5).toString('latin1') === 'From ') yield* readMbox(file, mailbox, counter);
  else if (!/^[!-9;-~]+[ \t]*:/.test(start.toString('latin1'))) {
    yield { kind: 'skipped', name: file, reason: 'it does not begin with a header field: no message' };
  } else {
    yield {
      kind: 'message',
      name: file,
      mailbox,
      octets: readFileMessage(file, counter),
      flags: () => ({ system: 0, keywords: [] }),
      receivedAt: modifiedAt,
    };
  }
}

async function readStart(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1024), 0, 1024, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  let total = 0;
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) total += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  }
  return total;
}
