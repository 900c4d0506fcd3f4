import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BSON, Decimal128, Double, Int32, Long, ObjectId, Timestamp } from 'mongodb';
import type { Database } from '../../lib/db/index.ts';
import { decodeRawDocument, openRawDocuments, withRawKey } from '../../lib/db/raw-documents.ts';
import { openTestDatabase } from '../support/database.ts';

const key = (number: number): Buffer => Buffer.from(`0000000${String(number)}`.slice(-8), 'latin1');
const ALL = { from: Buffer.alloc(8), to: Buffer.alloc(8, 0xff) };

/** Values that the driver's usual way of reading turns into others, and names that JavaScript puts in another order. */
function oddDocument(number: number): Buffer {
  return Buffer.from(
    BSON.serialize({
      _id: key(number),
      int: new Int32(1),
      long: Long.fromNumber(1),
      double: new Double(1),
      decimal: Decimal128.fromString('1.10'),
      negativeZero: new Double(-0),
      date: new Date(5),
      stamp: new Timestamp({ t: 1, i: 2 }),
      pattern: /a.b/i,
      id: new ObjectId('000102030405060708090a0b'),
      nothing: null,
      nested: { list: [new Int32(1), { deep: Buffer.from('x') }] },
    }),
  );
}

async function all(documents: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const list: Buffer[] = [];
  for await (const document of documents) list.push(document);
  return list;
}

describe('raw documents', () => {
  let database: Database;
  before(async () => {
    database = await openTestDatabase();
  });
  after(() => database.close());

  it('come and go octet for octet, in order of key and over several pages', async () => {
    const documents = openRawDocuments(database, 'odd');
    const written = Array.from({ length: 2500 }, (_, number) => oddDocument(number));
    assert.equal(await documents.insert(written.toReversed()), 2500);
    let position = 0;
    for await (const raw of documents.read(ALL)) {
      assert.ok(written[position]?.equals(raw), `document ${String(position)}`);
      position += 1;
    }
    assert.equal(position, 2500);
  });

  // The way to DocumentDB reads documents into objects.
  const isGiven = process.env['EIDER_TEST_MONGODB'] !== undefined;
  it('keep an order of names that an object in JavaScript cannot have', { skip: isGiven }, async () => {
    const documents = openRawDocuments(database, 'names');
    const plain = Buffer.from(BSON.serialize({ _id: key(1), b: 1, x: 2 }));
    // The last name becomes "1", which an object would put first.
    const named = Buffer.from(plain);
    named[named.length - 7] = 0x31;
    await documents.insert([named]);
    assert.deepEqual(await documents.find([key(1)]), [named]);
  });

  it('are passed over where the key is taken', async () => {
    const documents = openRawDocuments(database, 'taken');
    assert.equal(await documents.insert([1, 2].map(oddDocument)), 2);
    assert.equal(await documents.insert([1, 2, 3].map(oddDocument)), 1);
  });

  it('end at the bounds, and can be removed by them', async () => {
    const documents = openRawDocuments(database, 'bounds');
    await documents.insert([1, 2, 3, 4].map(oddDocument));
    const range = { from: key(2), to: key(3) };
    assert.deepEqual(await all(documents.read(range)), [2, 3].map(oddDocument));
    assert.deepEqual(await documents.last(range), oddDocument(3));
    await documents.remove(range);
    assert.deepEqual(await all(documents.read(ALL)), [1, 4].map(oddDocument));
    assert.equal(await documents.last(range), undefined);
  });

  it('get another key without any other change', () => {
    const moved = withRawKey(oddDocument(1), (old) => Buffer.concat([Buffer.from('9999'), old.subarray(4)]));
    assert.deepEqual(decodeRawDocument(moved)['_id'], Buffer.from('99990001'));
    assert.ok(withRawKey(moved, () => key(1)).equals(oddDocument(1)));
    assert.throws(() => withRawKey(oddDocument(1), () => Buffer.alloc(4)), RangeError);
    assert.throws(() => withRawKey(Buffer.from(BSON.serialize({ _id: 'text' })), (old) => old), RangeError);
  });
});
