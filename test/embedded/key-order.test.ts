import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Binary, BSON, Decimal128, Double, Long, MaxKey, MinKey, ObjectId, Timestamp } from 'mongodb';
import { compareValues } from '../../lib/embedded/bson/compare.ts';
import { documentValue, fieldNamed, type Value } from '../../lib/embedded/bson/value.ts';
import { encodeKey, isCutKey, LONGEST_KEY, successor } from '../../lib/embedded/keys/encode.ts';

function valueOf(value: unknown): Value {
  const found = fieldNamed(documentValue(Buffer.from(BSON.serialize({ v: value }))), 'v');
  assert.ok(found);
  return found;
}

const binary = (octets: number[], subtype = 0): Binary => new Binary(Buffer.from(octets), subtype);

/** In MongoDB's order; what stands in one list is equal. */
const ASCENDING: readonly (readonly unknown[])[] = [
  [new MinKey()],
  [null],
  [NaN],
  [-Infinity],
  [new Double(-1e300)],
  [Long.fromString('-9223372036854775808'), new Double(-9223372036854775808)],
  [Long.fromString('-9223372036854775807')],
  [Long.fromString('-9007199254740993')],
  [Long.fromString('-9007199254740992'), new Double(-9007199254740992)],
  [Long.fromString('-9007199254740991')],
  [-2147483648, Long.fromNumber(-2147483648)],
  [-1.5],
  [-1, new Double(-1), Long.fromNumber(-1), Decimal128.fromString('-1.0')],
  [new Double(-5e-324)],
  [0, new Double(0), new Double(-0), Long.ZERO, Decimal128.fromString('0E+3'), Decimal128.fromString('-0')],
  [new Double(5e-324)],
  [0.5, Decimal128.fromString('0.50')],
  [1, Long.ONE],
  [2147483647],
  [Long.fromString('9007199254740991')],
  [Long.fromString('9007199254740992'), new Double(9007199254740992), Decimal128.fromString('9007199254740992')],
  [Long.fromString('9007199254740993')],
  [Long.fromString('9007199254740994'), new Double(9007199254740994)],
  [Long.fromString('9223372036854775806')],
  [Long.fromString('9223372036854775807')],
  [new Double(9223372036854775808)],
  [new Double(1e300)],
  [Infinity],
  [''],
  ['\u0000'],
  ['\u0000\u0000'],
  ['\u0000a'],
  ['\u0001'],
  ['a'],
  ['a\u0000'],
  ['a\u0000b'],
  ['aa'],
  ['b'],
  ['é'],
  ['\uffff'],
  ['😀'],
  [{}],
  [{ a: 1 }],
  [{ a: 1, b: 1 }],
  [{ a: 2 }],
  [{ b: 1 }],
  [{ a: 'x' }],
  [{ a: {} }],
  [[]],
  [[1]],
  [[1, 2]],
  [[2]],
  [['a']],
  [[[]]],
  [binary([])],
  [binary([], 4)],
  [binary([0])],
  [binary([1], 0)],
  [binary([0], 4)],
  [binary([0, 0])],
  [new ObjectId('000000000000000000000000')],
  [new ObjectId('00000000000000000000ff00')],
  [new ObjectId('ffffffffffffffffffffffff')],
  [false],
  [true],
  [new Date(-1e12)],
  [new Date(-1)],
  [new Date(0)],
  [new Date(1e12)],
  [new Timestamp({ t: 1, i: 2 })],
  [new Timestamp({ t: 2, i: 1 })],
  [/a/],
  [/a/i],
  [/b/],
  [new MaxKey()],
];

describe('order of keys', () => {
  const values = ASCENDING.flatMap((equal, rank) =>
    equal.map((value) => ({ rank, value: valueOf(value), shown: String(value) })),
  );

  it('is the order of values, for every pair', () => {
    for (const a of values) {
      for (const b of values) {
        const expected = Math.sign(a.rank - b.rank) + 0;
        assert.equal(Math.sign(compareValues(a.value, b.value)) + 0, expected, `values ${a.shown} and ${b.shown}`);
        const keys = [encodeKey([a.value]), encodeKey([b.value])] as const;
        assert.equal(Math.sign(keys[0].compare(keys[1])) + 0, expected, `keys ${a.shown} and ${b.shown}`);
      }
    }
  });

  it('is the reverse in a descending field', () => {
    for (const a of values) {
      for (const b of values) {
        const keys = [encodeKey([a.value], [true]), encodeKey([b.value], [true])] as const;
        assert.equal(
          Math.sign(keys[0].compare(keys[1])) + 0,
          Math.sign(b.rank - a.rank) + 0,
          `${a.shown} and ${b.shown}`,
        );
      }
    }
  });

  it('no key begins another of as many values, so that pairs sort by their first values first', () => {
    for (const a of values) {
      for (const b of values) {
        if (a.rank === b.rank) continue;
        const [short, long] = [encodeKey([a.value]), encodeKey([b.value])];
        assert.ok(!long.subarray(0, short.length).equals(short), `${a.shown} begins ${b.shown}`);
      }
    }
  });

  it('successor lies behind all keys that begin alike, and before the next', () => {
    assert.deepEqual([...successor(Buffer.from([1, 2]))], [1, 3]);
    assert.deepEqual([...successor(Buffer.from([1, 0xff, 0xff]))], [2]);
    assert.ok(successor(Buffer.from([0xff])).compare(Buffer.from([0xff, 0xfe])) > 0);
  });

  it('cuts what is longer than the limit, and tells long values apart all the same', () => {
    const text = (length: number, last: string): Value => valueOf('x'.repeat(length) + last);
    // Tag and terminator take three octets beside the text.
    assert.equal(isCutKey(encodeKey([text(LONGEST_KEY - 5, 'a')])), false);
    assert.equal(isCutKey(encodeKey([text(LONGEST_KEY - 3, 'a')])), true);
    const [a, b] = [encodeKey([text(5000, 'a')]), encodeKey([text(5000, 'b')])];
    assert.equal(a.length, LONGEST_KEY);
    assert.ok(!a.equals(b));
    assert.ok(a.equals(encodeKey([text(5000, 'a')])));
  });

  it('refuses a decimal that no double equals', () => {
    assert.throws(() => encodeKey([valueOf(Decimal128.fromString('0.1'))]), /not supported by the embedded engine/);
  });
});
