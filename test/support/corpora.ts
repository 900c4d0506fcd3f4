import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ownMessages } from '../corpus/own-messages.ts';

/** One message of a corpus; the octets are exact. */
export interface CorpusMessage {
  /** `set/path/of/file`. */
  readonly name: string;
  readonly octets: Buffer;
}

/** Where other people's mail lies: EIDER_CORPORA, or `shared/corpora` beside the repository. */
export const corporaDirectory = process.env['EIDER_CORPORA'] ?? join(import.meta.dirname, '../../../shared/corpora');

/** False where the sets of other people are not on this machine: tests then run on our own corpus alone. */
export const hasOtherCorpora = existsSync(corporaDirectory);

/** For each set, which of its files are messages. */
const SETS: readonly { readonly set: string; readonly isMessage: (path: string) => boolean }[] = [
  { set: 'mail-parser', isMessage: (path) => path.endsWith('.eml') },
  { set: 'james-mime4j', isMessage: (path) => path.endsWith('.msg') },
  { set: 'mikel-mail', isMessage: (path) => path.endsWith('.eml') || path.endsWith('sample_output_multipart') },
  { set: 'mailparser', isMessage: (path) => path.endsWith('.eml') },
  { set: 'python-email', isMessage: (path) => /\/msg_\d+\.txt$/.test(path) },
  { set: 'enmime', isMessage: (path) => path.endsWith('.raw') },
  { set: 'thunderbird-android-demo', isMessage: (path) => path.endsWith('.eml') },
];

/** The messages of the sets that are here, or of the named one; empty where it is missing. In the order of their names. */
export function otherCorpusMessages(only?: string): CorpusMessage[] {
  const messages: CorpusMessage[] = [];
  for (const { set, isMessage } of SETS) {
    if (only !== undefined && only !== set) continue;
    const directory = join(corporaDirectory, set);
    if (!existsSync(directory)) continue;
    const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter(isMessage)
      .sort();
    for (const path of paths) messages.push({ name: relative(corporaDirectory, path), octets: readFileSync(path) });
  }
  return messages;
}

/** Every message to test with: our own, and those of other people where they are here. */
export function corpusMessages(): CorpusMessage[] {
  return [...ownMessages(), ...otherCorpusMessages()];
}
