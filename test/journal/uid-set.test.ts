import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UidRanges } from '../../lib/journal/index.ts';
import {
  countUids,
  decodeUidRanges,
  encodeUidRanges,
  normalizeRanges,
  rangesOf,
  uidsOf,
} from '../../lib/journal/uid-set.ts';
import { seeded } from './journal-node.ts';

const MAX = 2 ** 32 - 1;

describe('UID sets', () => {
  const packed: readonly { ranges: UidRanges; octets: number }[] = [
    { ranges: [], octets: 0 },
    { ranges: [{ from: 1, to: 1 }], octets: 2 },
    { ranges: [{ from: 1, to: 100_000 }], octets: 4 },
    { ranges: [{ from: 1, to: MAX }], octets: 6 },
    { ranges: [{ from: MAX, to: MAX }], octets: 6 },
    { ranges: [{ from: 5, to: 9 }, { from: 11, to: 11 }, { from: 300, to: 301 }], octets: 7 }, // prettier-ignore
  ];
  for (const { ranges, octets } of packed) {
    it(`packs ${JSON.stringify(ranges)} into ${octets} octets and back`, () => {
      const encoded = encodeUidRanges(ranges);
      assert.equal(encoded.length, octets);
      assert.deepEqual(decodeUidRanges(encoded), ranges);
    });
  }

  it('refuses ranges out of order, of UID 0 and beyond 32 bits', () => {
    for (const ranges of [
      [{ from: 0, to: 1 }],
      [{ from: 5, to: 4 }],
      [{ from: 1, to: MAX + 1 }],
      [{ from: 5, to: 6 }, { from: 6, to: 7 }], // prettier-ignore
    ]) {
      assert.throws(() => encodeUidRanges(ranges), RangeError);
    }
  });

  it('refuses damaged octets instead of inventing UIDs', () => {
    for (const octets of [
      [0],
      [0x80],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0],
      [0, 0xff, 0xff, 0xff, 0xff, 0x7f],
      Array<number>(20).fill(0xff),
    ]) {
      assert.throws(() => decodeUidRanges(Buffer.from(octets)), RangeError);
    }
  });

  it('goes there and back for random sets', () => {
    const random = seeded(7);
    for (let round = 0; round < 200; round += 1) {
      const uids = [
        ...new Set(Array.from({ length: Math.floor(random() * 50) }, () => 1 + Math.floor(random() * 120))),
      ].sort((a, b) => a - b);
      const ranges = rangesOf(uids);
      assert.deepEqual([...uidsOf(decodeUidRanges(encodeUidRanges(ranges)))], uids);
      assert.equal(countUids(ranges), uids.length);
    }
  });

  const normal: readonly { given: UidRanges; expected: UidRanges }[] = [
    { given: [], expected: [] },
    { given: [{ from: 0, to: 0 }], expected: [] },
    { given: [{ from: 9, to: 3 }], expected: [] },
    { given: [{ from: 1, to: MAX + 10 }], expected: [{ from: 1, to: MAX }] },
    { given: [{ from: 5, to: 9 }, { from: 1, to: 4 }], expected: [{ from: 1, to: 9 }] }, // prettier-ignore
    { given: [{ from: 1, to: 20 }, { from: 5, to: 9 }, { from: 22, to: 22 }], expected: [{ from: 1, to: 20 }, { from: 22, to: 22 }] }, // prettier-ignore
  ];
  for (const { given, expected } of normal) {
    it(`joins ${JSON.stringify(given)}`, () => assert.deepEqual(normalizeRanges(given), expected));
  }
});
