import { readFile, stat } from 'node:fs/promises';
import { KeyTextError } from '../lib/kernel/read-keys.ts';
import { CommandError } from './command-error.ts';

/** Where keys may stand: in a file, or in a setting itself, which a variable of the environment gives too. */
export interface KeySource {
  /** '' for none, as `text`. */
  readonly file: string;
  readonly text: string;
  /** What the setting of the file is called, for sentences; as `textName`. */
  readonly fileName: string;
  readonly textName: string;
}

const OTHERS = 0o077;
/** Octets; hundreds of keys with their remarks. */
const LARGEST_FILE = 64 * 1024;

/**
 * Keys of every kind are read by the same rules: a file that nobody else may read, or a setting, and not both.
 * @returns undefined where neither is there
 * @throws CommandError where keys are named and cannot be had: to go on without would be the worst answer
 */
export async function readKeySource<T>(source: KeySource, parse: (text: string) => T): Promise<T | undefined> {
  const { file, text, fileName, textName } = source;
  if (file !== '' && text !== '') throw new CommandError(`${fileName} and ${textName} are both set; set one of them`);
  if (file === '' && text === '') return undefined;
  const read = file === '' ? text : await readKeyFile(file);
  try {
    return parse(read);
  } catch (error) {
    if (!(error instanceof KeyTextError)) throw error;
    throw new CommandError(`${file === '' ? textName : file}: ${error.message}`);
  }
}

async function readKeyFile(path: string): Promise<string> {
  try {
    const found = await stat(path);
    if (!found.isFile() || found.size > LARGEST_FILE) throw new CommandError(`${path} is no file of keys`);
    if ((found.mode & OTHERS) !== 0)
      throw new CommandError(`the key file ${path} can be read by others; close it with chmod 600 ${path}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`the key file cannot be read: ${reason}`, { cause: error });
  }
}
