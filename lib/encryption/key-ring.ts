import { createHmac, hkdfSync } from 'node:crypto';
import { KeyTextError, readKeys } from '../kernel/read-keys.ts';

const KEY_OCTETS = 32;
/** Keys for contents are derived, so that no one of them seals more than random nonces bear. */
const DERIVED = 256;

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

/** The keys of a text. @throws KeyTextError that never says what stands there */
export function readKeyRing(text: string): KeyRing {
  const [first, ...others] = readKeys(text);
  const current = new ContentKey(first);
  const byId = new Map([current, ...others.map((octets) => new ContentKey(octets))].map((key) => [key.id, key]));
  if (byId.size !== others.length + 1) throw new KeyTextError('two keys have the same id; make another one');
  return { current, find: (id) => byId.get(id), ids: [...byId.keys()] };
}
