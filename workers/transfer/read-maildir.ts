import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { flagsOfName, mailboxOf, parseKeywordFile } from './maildir-names.ts';
import { readFileMessage } from './read-file-message.ts';
import type { ReadCounter, SourceItem } from './source-message.ts';

export async function isMaildir(path: string): Promise<boolean> {
  const isDirectory = async (name: string): Promise<boolean> =>
    (await stat(join(path, name)).catch(() => undefined))?.isDirectory() === true;
  return (await isDirectory('cur')) && (await isDirectory('new'));
}

/** Reads a Maildir with its Maildir++ folders, in the order of the file names, which begin with the arrival. */
export async function* readMaildir(path: string, counter: ReadCounter): AsyncIterable<SourceItem> {
  yield* readFolder(path, '', counter);
  const names = (await readdir(path)).filter((name) => /^\.[^.]/.test(name)).sort();
  for (const name of names) {
    if (await isMaildir(join(path, name))) yield* readFolder(join(path, name), mailboxOf(name), counter);
  }
}

async function* readFolder(folder: string, mailbox: string, counter: ReadCounter): AsyncIterable<SourceItem> {
  const keywords = parseKeywordFile(await readFile(join(folder, 'dovecot-keywords'), 'utf8').catch(() => ''));
  const files: { readonly file: string; readonly name: string }[] = [];
  for (const part of ['cur', 'new']) {
    const names = await readdir(join(folder, part));
    files.push(
      ...names.filter((name) => !name.startsWith('.')).map((name) => ({ file: join(folder, part, name), name })),
    );
  }
  files.sort((one, other) => byArrival(one.name, other.name));
  for (const { file, name } of files) yield await toItem(file, name, mailbox, keywords, counter);
}

async function toItem(
  file: string,
  name: string,
  mailbox: string,
  keywords: readonly string[],
  counter: ReadCounter,
): Promise<SourceItem> {
  const found = await stat(file).catch((error: unknown) => String(error));
  if (typeof found === 'string') return { kind: 'skipped', name: file, reason: found };
  if (!found.isFile()) return { kind: 'skipped', name: file, reason: 'no file' };
  return {
    kind: 'message',
    name: file,
    mailbox,
    octets: readFileMessage(file, counter),
    flags: () => flagsOfName(name, keywords),
    receivedAt: arrivalOf(name) ?? found.mtimeMs,
  };
}

/** Seconds since 1970 stand before the first dot. */
function arrivalOf(name: string): number | undefined {
  const seconds = /^(\d{9,10})\./.exec(name)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

function byArrival(one: string, other: string): number {
  const difference = (arrivalOf(one) ?? 0) - (arrivalOf(other) ?? 0);
  return difference !== 0 ? difference : one < other ? -1 : 1;
}
