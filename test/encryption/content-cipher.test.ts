import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { createContentCipher, readKeyRing, SEAL_OCTETS, SealError } from '../../lib/encryption/index.ts';

const KEYS = [1, 2, 3].map((octet) => Buffer.alloc(32, octet).toString('base64'));
const name = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex');
const cipherWith = (...keys: readonly (string | undefined)[]) => createContentCipher(readKeyRing(keys.join('\n')));

describe('sealed contents', () => {
  const cipher = cipherWith(KEYS[0]);

  for (const length of [0, 1, 15, 16, 17, 4096, 255 * 1024]) {
    it(`open as what was sealed: ${String(length)} octets`, () => {
      const octets = randomBytes(length);
      const sealed = cipher.seal(name, 'body', octets);
      assert.equal(sealed.length, length + SEAL_OCTETS);
      assert.deepEqual(cipher.open(name, 'body', sealed), octets);
      if (length > 15) assert.equal(sealed.includes(octets.subarray(0, 16)), false);
    });
  }

  it('are never sealed twice alike', () => {
    const octets = Buffer.from('the same');
    assert.notDeepEqual(cipher.seal(name, 'body', octets), cipher.seal(name, 'body', octets));
  });

  it('do not open under another name, as another thing, or with any bit changed', () => {
    const sealed = cipher.seal(name, 'body', Buffer.from('a letter'));
    assert.throws(() => cipher.open(Buffer.from(name).fill(9, 15), 'body', sealed), SealError);
    assert.throws(() => cipher.open(name, 'preview', sealed), SealError);
    assert.throws(() => cipher.open(name.subarray(0, 15), 'body', sealed), SealError);
    for (let index = 0; index < sealed.length; index += 1) {
      const flipped = Buffer.from(sealed);
      flipped[index] = (flipped[index] ?? 0) ^ 1;
      assert.throws(() => cipher.open(name, 'body', flipped), SealError, `octet ${String(index)}`);
      assert.throws(() => cipher.open(name, 'body', sealed.subarray(0, index)), SealError, `cut at ${String(index)}`);
    }
  });

  it('open with an old key after another has become the current one, and not without it', () => {
    const sealed = cipher.seal(name, 'body', Buffer.from('a letter'));
    const rotated = cipherWith(KEYS[1], KEYS[0]);
    assert.deepEqual(rotated.open(name, 'body', sealed).toString(), 'a letter');
    const keyOf = (octets: Buffer): string => octets.toString('hex', 1, 5);
    assert.notEqual(rotated.currentKey, cipher.currentKey);
    assert.equal(keyOf(sealed), cipher.currentKey);
    assert.equal(keyOf(rotated.seal(name, 'body', Buffer.from('new'))), rotated.currentKey);
    assert.throws(() => cipherWith(KEYS[1]).open(name, 'body', sealed), /the key [0-9a-f]{8} is not there/);
  });
});

describe('key rings', () => {
  for (const [what, text] of [
    ['nothing', ' \n# a remark\n'],
    ['a short key', 'c2hvcnQ='],
    ['a long key', Buffer.alloc(33).toString('base64')],
    ['no base64', `${'*'.repeat(43)}=`],
    ['the same key twice', `${String(KEYS[0])}\n${String(KEYS[0])}`],
  ] as const) {
    it(`refuse ${what}, and do not repeat it`, () => {
      assert.throws(
        () => readKeyRing(text),
        (error: Error) => error.name === 'KeyTextError' && (text.trim() === '' || !error.message.includes(text.trim())),
      );
    });
  }

  it('take remarks, empty lines and commas', () => {
    const ring = readKeyRing(`# since autumn\n${String(KEYS[2])} # new\n\n${String(KEYS[0])},${String(KEYS[1])}\n`);
    assert.equal(ring.ids.length, 3);
    assert.equal(ring.current.id, ring.ids[0]);
  });
});
