import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deliveryAddressOf, withoutNeedlessQuotes } from '../../lib/delivery/delivery-address.ts';

const CASES: readonly (readonly [owned: string, written: string, expected: string])[] = [
  ['user@example.com', 'user@example.com', 'user@example.com'],
  ['User@Example.com', 'USER@EXAMPLE.COM', 'user@example.com'],
  ['user@example.com', 'user+News@example.com', 'user+news@example.com'],
  ['user@example.com', 'user+a+b@example.com', 'user+a+b@example.com'],
  ['user+a@example.com', 'user+a@example.com', 'user+a@example.com'],
  ['user@example.com', '+odd@example.com', 'user@example.com'],
  ['user@example.com', '"user+a"@example.com', 'user+a@example.com'],
  ['ju\u0308rgen@example.com', 'jürgen@example.com', 'jürgen@example.com'],
  ['postmaster@example.com', 'postmaster', 'postmaster@example.com'],
];

describe('delivery address', () => {
  for (const [owned, written, expected] of CASES) {
    it(`of ${written}, held as ${owned}, is ${expected}`, () => {
      assert.equal(deliveryAddressOf(owned, written), expected);
    });
  }
});

const QUOTED: readonly (readonly [address: string, expected: string])[] = [
  ['user@example.com', 'user@example.com'],
  ['"user"@example.com', 'user@example.com'],
  ['"us\\er"@example.com', 'user@example.com'],
  ['"a b"@example.com', '"a b"@example.com'],
  ['"a\\"b"@example.com', '"a\\"b"@example.com'],
  ['"a@b"@example.com', '"a@b"@example.com'],
  ['""@example.com', '""@example.com'],
  ['"postmaster"', 'postmaster'],
  ['"unended@example.com', '"unended@example.com'],
];

describe('needless quotes', () => {
  for (const [address, expected] of QUOTED) {
    it(`of ${address}`, () => {
      assert.equal(withoutNeedlessQuotes(address), expected);
    });
  }
});
