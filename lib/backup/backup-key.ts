import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { KeyTextError, readKeys } from '../kernel/read-keys.ts';

const KEY_OCTETS = 32;
const ID_OCTETS = 8;

/** The key of a backup set: 32 octets from which the key of each object is derived. */
export interface BackupKey {
  /** 16 hexadecimal digits that tell one key from another and nothing of the key. */
  readonly id: string;
  readonly octets: Buffer;
}

/**
 * Reads the one key of a text, as `eider backup new-key` writes it or in base64.
 * @throws KeyTextError that never says what stands there
 */
export function readBackupKey(text: string): BackupKey {
  const [octets, ...others] = readKeys(text);
  if (others.length > 0) throw new KeyTextError('there is more than one key; a backup set has one');
  return backupKey(octets);
}

/** @param octets 32 of them, random */
export function backupKey(octets: Buffer): BackupKey {
  if (octets.length !== KEY_OCTETS) throw new RangeError('a backup key has 32 octets');
  const hash = createHash('sha256').update('eider backup key id\0').update(octets).digest();
  return { id: hash.toString('hex', 0, ID_OCTETS), octets };
}

/** A key of its own for every object, so that no nonce is ever used twice under one key. */
export function objectKey(key: BackupKey, salt: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', key.octets, salt, 'eider backup object', KEY_OCTETS));
}

/**
 * What content is called in the set. With a key the name is a keyed hash, so that who keeps the backups cannot ask
 * whether a file that he has is among them.
 */
export function contentName(key: BackupKey | undefined, contentHash: string): string {
  if (key === undefined) return contentHash;
  const naming = Buffer.from(hkdfSync('sha256', key.octets, '', 'eider backup names', KEY_OCTETS));
  return createHmac('sha256', naming).update(contentHash, 'hex').digest('hex');
}
