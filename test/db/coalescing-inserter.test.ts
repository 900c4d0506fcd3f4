import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { CommandStartedEvent } from 'mongodb';
import { createCoalescingInserter, type CoalescingInserterOptions, type Database } from '../../lib/db/index.ts';
import { openTestDatabase } from '../support/database.ts';

interface Row {
  _id: string;
  owner: string;
}

let database: Database;
const batches: string[][] = [];

before(async () => {
  database = await openTestDatabase({ monitorCommands: true });
  database.client.on('commandStarted', ({ commandName, command }: CommandStartedEvent) => {
    if (commandName === 'insert') batches.push((command['documents'] as Row[]).map(({ _id }) => _id));
  });
});

after(() => database.close());

beforeEach(() => {
  batches.length = 0;
});

let named = 0;
function inserter(options: Partial<CoalescingInserterOptions<Row>> = {}) {
  named += 1;
  return createCoalescingInserter(database.collection<Row>(`rows${named}`), {
    octetsOf: () => 100,
    keyOf: ({ owner }) => owner,
    ...options,
  });
}

const row = (_id: string, owner = _id): Row => ({ _id, owner });

describe('coalescing inserter', () => {
  it('what arrives while an insert is in flight goes together in the next one', async () => {
    const { insert } = inserter();
    const outcomes = await Promise.all(['a', 'b', 'c', 'd'].map((id) => insert(row(id))));
    assert.deepEqual(outcomes.map(({ kind }) => kind), Array<string>(4).fill('inserted')); // prettier-ignore
    assert.deepEqual(batches, [['a'], ['b', 'c', 'd']]);
  });

  it('each document has an outcome of its own', async () => {
    const { insert } = inserter();
    await insert(row('b'));
    const outcomes = await Promise.all([
      insert(row('a')),
      insert(row('b')),
      insert(row('c')),
      insert(row('a', 'again')),
    ]);
    assert.deepEqual(outcomes.map(({ kind }) => kind), ['inserted', 'duplicate', 'inserted', 'duplicate']); // prettier-ignore
    assert.equal((await insert(row('c'))).kind, 'duplicate');
  });

  it('documents of one key never share a batch, and keep their order', async () => {
    const { insert } = inserter();
    await Promise.all(
      [row('x', 'o'), row('1', 'p'), row('2', 'p'), row('3', 'q'), row('4', 'p'), row('5', 'q')].map(insert),
    );
    assert.deepEqual(batches, [['x'], ['1', '3'], ['2', '5'], ['4']]);
  });

  it('batches are bounded by documents and by octets; what is larger goes alone', async () => {
    const few = inserter({ batchDocuments: 2 });
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => few.insert(row(id))));
    assert.deepEqual(batches, [['a'], ['b', 'c'], ['d', 'e']]);
    batches.length = 0;
    const small = inserter({ batchOctets: 250, octetsOf: ({ _id }) => (_id === 'big' ? 900 : 100) });
    await Promise.all(['a', 'big', 'b', 'c', 'd'].map((id) => small.insert(row(id))));
    assert.deepEqual(batches, [['a'], ['big'], ['b', 'c'], ['d']]);
  });

  it('refuses for now what would pass the bound of what waits', async () => {
    const { insert } = inserter({ waitingOctets: 300 });
    const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((id) => insert(row(id))));
    assert.deepEqual(outcomes.map(({ status }) => status), ['fulfilled', 'fulfilled', 'fulfilled', 'rejected']); // prettier-ignore
    assert.equal((await insert(row('e'))).kind, 'inserted');
  });

  it('a lost connection leaves every outcome of its batch unknown, and the next batch goes on', async () => {
    const real = database.collection<Row>('rows-lost');
    let isLost = true;
    const collection = new Proxy(real, {
      get: (target, name, receiver) => {
        if (isLost && name === 'insertMany') return async () => Promise.reject(new Error('connection closed'));
        const value: unknown = Reflect.get(target, name, receiver);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const { insert } = createCoalescingInserter(collection, { octetsOf: () => 1 });
    const outcomes = await Promise.all([insert(row('a')), insert(row('b')), insert(row('c'))]);
    assert.deepEqual(outcomes.map(({ kind }) => kind), ['inserted', 'unknown', 'unknown']); // prettier-ignore
    isLost = false;
    assert.equal((await insert(row('b'))).kind, 'inserted');
  });
});
