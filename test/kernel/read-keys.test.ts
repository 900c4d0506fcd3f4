import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readKeys } from '../../lib/kernel/read-keys.ts';

const KEYS = [1, 2, 0xfb].map((octet) => Buffer.alloc(32, octet));
const [ONE = Buffer.alloc(0), TWO = Buffer.alloc(0), ODD = Buffer.alloc(0)] = KEYS;
const hex = (key: Buffer): string => key.toString('hex');
const base64 = (key: Buffer): string => key.toString('base64');

describe('keys in text', () => {
  for (const [what, text, keys] of [
    ['hexadecimal digits', hex(ONE), [ONE]],
    ['capital ones', hex(ODD).toUpperCase(), [ODD]],
    ['base64', base64(ODD), [ODD]],
    ['base64 for addresses, without its end', ODD.toString('base64url'), [ODD]],
    ['one of each kind', `${hex(ONE)}\r\n${base64(TWO)}\n`, [ONE, TWO]],
    ['commas', `${base64(TWO)}, ${hex(ONE)},${base64(ODD)}`, [TWO, ONE, ODD]],
    ['remarks, with commas too', `# new, of May\n\n${hex(ONE)} # first, last\n  ${base64(TWO)}`, [ONE, TWO]],
  ] as const)
    it(`are read as ${what}`, () => assert.deepEqual(readKeys(text), keys));

  for (const [what, text, reason] of [
    ['nothing', '', /no key/],
    ['remarks alone', '# \n,\n', /no key/],
    ['63 digits', hex(ONE).slice(1), /key 1 is not 32 octets/],
    ['65 digits', `${hex(ONE)}0`, /key 1 is not 32 octets/],
    ['31 octets', base64(ONE.subarray(1)), /key 1 is not 32 octets/],
    ['33 octets', base64(Buffer.alloc(33)), /key 1 is not 32 octets/],
    ['a second one that is none', `${hex(ONE)}\nsecret`, /key 2 is not 32 octets/],
    ['the same twice, in two spellings', `${hex(ONE)}\n${base64(ONE)}`, /twice/],
  ] as const)
    it(`are refused where there is ${what}, and not repeated`, () => {
      assert.throws(
        () => readKeys(text),
        (error: Error) =>
          error.name === 'KeyTextError' && reason.test(error.message) && !/secret|0101/.test(error.message),
      );
    });
});
