import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createAddresses, prepareAddresses, type Addresses } from '../../lib/addresses/index.ts';
import type { Database } from '../../lib/db/index.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import { newUserId } from '../../lib/kernel/ids.ts';
import { openTestDatabase } from '../support/database.ts';

const refuses = (code: string) => (error: unknown) => error instanceof MailError && error.code === code;

describe('addresses', () => {
  let database: Database;
  let addresses: Addresses;
  let reads = 0;
  let time = 1_000_000;
  const clock = { now: () => time, monotonic: () => time };
  const [alice, bob] = [newUserId(), newUserId()];

  before(async () => {
    database = await openTestDatabase({ monitorCommands: true });
    database.client.on('commandStarted', (event) => {
      if (event.commandName === 'find') reads += 1;
    });
    await prepareAddresses(database);
    addresses = createAddresses({ database, clock });
  });
  after(() => database.close());

  it('is one address however it is written', async () => {
    const created = await addresses.create(alice, 'Alice.Doe@Example.com', {
      name: 'Alice',
      tags: ['b', 'A', 'a'],
      metaData: { $where: 1, 'a.b': 2 },
    });
    assert.equal(created.address, 'Alice.Doe@Example.com');
    assert.deepEqual(created.tags, ['A', 'b']);
    assert.deepEqual((await addresses.get('alicedoe@example.COM'))?.metaData, { $where: 1, 'a.b': 2 });
    assert.equal((await addresses.get(created.id))?.user, alice);
    await assert.rejects(addresses.create(bob, 'alice.d.oe@example.com'), refuses('address-exists'));
    assert.equal((await addresses.create(alice, 'alicedoe@example.com')).id, created.id, 'a retry gives what is there');
    assert.deepEqual((await addresses.resolve('ALICEDOE+shop@example.com'))?.id, created.id);
    assert.equal(await addresses.get('alicedoe+shop@example.com'), undefined);
  });

  it('refuses what cannot be an address of ours', async () => {
    for (const text of ['', 'x', 'a+b@example.com', '*@example.com', 'a b@example.com']) {
      await assert.rejects(addresses.create(alice, text), refuses('invalid-input'), text);
    }
  });

  it('resolves a warm address without a read, for a few seconds, and forgets it when it is removed', async () => {
    await addresses.create(bob, 'bob@example.com');
    await addresses.resolve('bob@example.com');
    const before = reads;
    assert.equal((await addresses.resolve('BOB@example.com'))?.user, bob);
    assert.equal(reads, before);
    time += 5001;
    await addresses.resolve('bob@example.com');
    assert.equal(reads, before + 1);
    assert.equal(await addresses.remove('bob@example.com'), true);
    assert.equal(await addresses.resolve('bob@example.com'), undefined);
    assert.equal(await addresses.remove('bob@example.com'), false);
  });

  it('gives twenty parallel creators of one address one winner', async () => {
    const users = Array.from({ length: 20 }, newUserId);
    const outcomes = await Promise.allSettled(users.map((user) => addresses.create(user, 'race@example.com')));
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.ok(refuses('address-exists')(outcome.reason));
  });

  it('lists by pages in both directions, by substring and by tags', async () => {
    const user = newUserId();
    for (const name of ['e', 'a', 'd', 'b', 'c'])
      await addresses.create(user, `${name}.page@list.example`, { tags: [name, 'Page'] });
    const names = async (options: Parameters<Addresses['list']>[0]): Promise<string> =>
      (await addresses.list(options)).map(({ address }) => address[0]).join('');
    assert.equal(await names({ query: '@list.', limit: 3 }), 'abc');
    assert.equal(await names({ query: '@LIST', limit: 3, after: 'cpage@list.example' }), 'de');
    assert.equal(await names({ query: 'page@list', limit: 2, before: 'dpage@list.example' }), 'cb');
    assert.equal(await names({ query: 'b.page', limit: 9 }), 'b');
    assert.equal(await names({ query: '.*', limit: 9 }), '');
    assert.equal(await names({ query: '@list.', tags: ['A', 'c'], limit: 9 }), 'ac');
    assert.equal(await names({ tags: ['a', 'c'], requiredTags: ['c', 'page'], limit: 9 }), 'c');
    assert.equal(await addresses.count({ query: '@list.' }), 5);
    assert.equal((await addresses.listOf(user)).length, 5);
    assert.equal((await addresses.removeAllOf(user)).length, 5);
    assert.deepEqual(await addresses.listOf(user), []);
  });
});
