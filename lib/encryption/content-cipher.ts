import { createCipheriv, createDecipheriv } from 'node:crypto';
import { randomOctets } from '../kernel/random-octets.ts';
import type { KeyRing } from './key-ring.ts';

/**
 * Seals contents at rest with AES-256-GCM: `version (1) || key id (4) || nonce (12) || ciphertext || tag (16)`. What is
 * sealed opens only under the name that it was sealed under, so that nothing can be put in another's place.
 */
export interface ContentCipher {
  /** @param name where the content lies; its first octet should be random @param what of several under that name */
  seal(name: Buffer, what: string, octets: Buffer): Buffer;
  /** @throws SealError where the key is not there, or the octets are not what was sealed under this name */
  open(name: Buffer, what: string, sealed: Buffer): Buffer;
  /** Id of the key that seals now; whoever keeps what is sealed notes it beside, so as to find what another has sealed. */
  readonly currentKey: string;
  /** Whether the key of this id is among those that open. */
  opens(keyId: string): boolean;
}

/** Octets that sealing adds. */
export const SEAL_OCTETS = 33;

const VERSION = 1;
const NONCE_OCTETS = 12;
const TAG_OCTETS = 16;
const HEAD_OCTETS = 5;

export class SealError extends Error {
  override readonly name = 'SealError';
}

export function createContentCipher(keys: KeyRing): ContentCipher {
  const head = Buffer.concat([Buffer.of(VERSION), Buffer.from(keys.current.id, 'hex')]);
  return {
    seal: (name, what, octets) => {
      const nonce = randomOctets(NONCE_OCTETS);
      const cipher = createCipheriv('aes-256-gcm', keys.current.derive(name[0] ?? 0), nonce);
      cipher.setAAD(contextOf(name, what));
      const body = cipher.update(octets);
      cipher.final();
      return Buffer.concat([head, nonce, body, cipher.getAuthTag()]);
    },
    open: (name, what, sealed) => {
      const id = keyIdOf(sealed);
      const key = id === undefined ? undefined : keys.find(id);
      if (key === undefined)
        throw new SealError(id === undefined ? 'the content is not sealed' : `the key ${id} is not there`);
      const nonce = sealed.subarray(HEAD_OCTETS, HEAD_OCTETS + NONCE_OCTETS);
      const cipher = createDecipheriv('aes-256-gcm', key.derive(name[0] ?? 0), nonce, { authTagLength: TAG_OCTETS });
      cipher.setAAD(contextOf(name, what));
      cipher.setAuthTag(sealed.subarray(sealed.length - TAG_OCTETS));
      try {
        const octets = cipher.update(sealed.subarray(HEAD_OCTETS + NONCE_OCTETS, sealed.length - TAG_OCTETS));
        cipher.final();
        return octets;
      } catch (error) {
        throw new SealError('the content is not what was sealed', { cause: error });
      }
    },
    currentKey: keys.current.id,
    opens: (keyId) => keys.find(keyId) !== undefined,
  };
}

/** Id of the key that opens what was sealed; undefined where it was not. */
export function keyIdOf(sealed: Buffer): string | undefined {
  if (sealed.length < SEAL_OCTETS || sealed[0] !== VERSION) return undefined;
  return sealed.toString('hex', 1, HEAD_OCTETS);
}

/** The name's length stands in front, so that no two of name and what read alike. */
function contextOf(name: Buffer, what: string): Buffer {
  return Buffer.concat([Buffer.of(name.length), name, Buffer.from(what)]);
}
