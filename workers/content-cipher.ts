import { readFile, stat } from 'node:fs/promises';
import type { Configuration } from '../lib/config/index.ts';
import {
  createContentCipher,
  encryptionSection,
  KeyRingError,
  readKeyRing,
  type ContentCipher,
} from '../lib/encryption/index.ts';
import { CommandError } from './command-error.ts';

/**
 * What seals contents at rest, as the configuration says; undefined where it names no keys.
 * @throws CommandError where keys are named and cannot be had: to write unsealed then would be the worst answer
 */
export async function openContentCipher(configuration: Configuration): Promise<ContentCipher | undefined> {
  const { keyFile, keys } = configuration.get(encryptionSection);
  if (keyFile !== '' && keys !== '')
    throw new CommandError('encryption.key-file and encryption.keys are both set; set one of them');
  if (keyFile === '' && keys === '') return undefined;
  const text = keyFile === '' ? keys : await readKeyFile(keyFile);
  try {
    return createContentCipher(readKeyRing(text));
  } catch (error) {
    if (!(error instanceof KeyRingError)) throw error;
    throw new CommandError(`${keyFile === '' ? 'encryption.keys' : keyFile}: ${error.message}`);
  }
}

async function readKeyFile(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) throw new CommandError(`the key file ${path} can be read by others: chmod 600 it`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`the key file cannot be read: ${reason}`, { cause: error });
  }
}
