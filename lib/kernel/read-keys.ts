const KEY_OCTETS = 32;
const HEXADECIMAL = /^[0-9A-Fa-f]{64}$/;
/** In the alphabet of RFC 4648 section 4 or 5. */
const BASE64 = /^[A-Za-z0-9+/_-]{43}=?$/;

/** What was said in place of keys. */
export class KeyTextError extends Error {
  override readonly name = 'KeyTextError';
}

/**
 * Reads keys from text, as files, settings and variables give them: one a line or between commas, 32 octets each, in
 * base64 or as 64 hexadecimal digits; what follows a `#` is a remark.
 * @returns at least one, none of them twice
 * @throws KeyTextError that tells which key it is about but never what stands there
 */
export function readKeys(text: string): readonly [Buffer, ...Buffer[]] {
  const words = text
    .split('\n')
    .flatMap((line) => line.replace(/#.*/, '').split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '');
  const [first, ...others] = words.map((word, index) => {
    if (HEXADECIMAL.test(word)) return Buffer.from(word, 'hex');
    const octets = Buffer.from(word, 'base64');
    if (octets.length !== KEY_OCTETS || !BASE64.test(word))
      throw new KeyTextError(
        `key ${String(index + 1)} is not ${String(KEY_OCTETS)} octets in base64 or in hexadecimal digits`,
      );
    return octets;
  });
  if (first === undefined) throw new KeyTextError('there is no key');
  const keys = [first, ...others] as const;
  if (new Set(keys.map((key) => key.toString('hex'))).size !== keys.length)
    throw new KeyTextError('a key stands there twice');
  return keys;
}
