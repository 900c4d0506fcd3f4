import { createHmac, hkdfSync } from 'node:crypto';

const KEY_OCTETS = 32;
/** Keys for contents are derived, so that no one of them seals more than random nonces bear. */
const DERIVED = 256;

/** What was said in place of keys. */
export class KeyRingError extends Error {
  override readonly name = 'KeyRingError';
}

/** One key as it was given, with what is derived from it. */
export class ContentKey {
  /** Eight hexadecimal digits that tell which key sealed a content; they tell nothing about the key. */
  readonly id: string;
  readonly #key: Buffer;
  readonly #derived: (Buffer | undefined)[] = [];

  constructor(key: Buffer) {
    this.#key = key;
    this.id = createHmac('sha256', key).update('key id').digest('hex').slice(0, 8);
  }

  /** The key for contents whose name begins with this octet (HKDF, RFC 5869). */
  derive(octet: number): Buffer {
    const index = octet % DERIVED;
    const known = this.#derived[index];
    if (known !== undefined) return known;
    const info = Buffer.concat([Buffer.from('content '), Buffer.of(index)]);
    const derived = Buffer.from(hkdfSync('sha256', this.#key, Buffer.alloc(0), info, KEY_OCTETS));
    this.#derived[index] = derived;
    return derived;
  }
}

/** The keys of a store: the first one seals, all of them open. */
export interface KeyRing {
  readonly current: ContentKey;
  find(id: string): ContentKey | undefined;
  readonly ids: readonly string[];
}

/**
 * Reads keys from text: one a line or between commas, 32 octets each in base64; what follows a `#` is a remark.
 * @throws KeyRingError that names the line but never what stands there
 */
export function readKeyRing(text: string): KeyRing {
  const keys: ContentKey[] = [];
  for (const [index, line] of text.split(/[\n,]/).entries()) {
    const word = line.replace(/#.*/, '').trim();
    if (word === '') continue;
    const octets = Buffer.from(word, 'base64');
    if (octets.length !== KEY_OCTETS || !/^[A-Za-z0-9+/_-]{43}=?$/.test(word))
      throw new KeyRingError(`key ${String(index + 1)} is not ${String(KEY_OCTETS)} octets in base64`);
    keys.push(new ContentKey(octets));
  }
  const [current] = keys;
  if (current === undefined) throw new KeyRingError('there is no key');
  const byId = new Map(keys.map((key) => [key.id, key]));
  if (byId.size !== keys.length) throw new KeyRingError('a key stands there twice');
  return { current, find: (id) => byId.get(id), ids: [...byId.keys()] };
}
