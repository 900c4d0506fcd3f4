import type { Configuration } from '../lib/config/index.ts';
import { createContentCipher, encryptionSection, readKeyRing, type ContentCipher } from '../lib/encryption/index.ts';
import { readKeySource } from './key-source.ts';

/**
 * What seals contents at rest, as the configuration says; undefined where it names no keys.
 * @throws CommandError where keys are named and cannot be had: to write unsealed then would be the worst answer
 */
export async function openContentCipher(configuration: Configuration): Promise<ContentCipher | undefined> {
  const { keyFile: file, keys: text } = configuration.get(encryptionSection);
  const source = { file, text, fileName: 'encryption.key-file', textName: 'encryption.keys' };
  const ring = await readKeySource(source, readKeyRing);
  return ring === undefined ? undefined : createContentCipher(ring);
}
