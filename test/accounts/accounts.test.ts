import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MailError } from '../../lib/kernel/errors.ts';
import { newUserId } from '../../lib/kernel/ids.ts';
import { openRooms, type Rooms } from './rooms.ts';

const refuses = (code: string) => (error: unknown) => error instanceof MailError && error.code === code;
const crash = (): never => {
  throw new Error('the process is gone');
};

describe('accounts', () => {
  let rooms: Rooms;
  let commands: string[] = [];

  before(async () => {
    rooms = await openRooms({ monitorCommands: true });
    rooms.database.client.on('commandStarted', ({ commandName }) => commands.push(commandName));
  });
  after(() => rooms.close());

  it('makes a user with an address, a quota and the first mailboxes', async () => {
    const { accounts, mailboxes, addresses } = rooms;
    const user = await accounts.create({
      username: 'Jane.Doe',
      password: 'secret',
      name: 'Jane',
      tags: ['b', 'a', 'A'],
      metaData: { $gt: '' },
    });
    assert.equal(user.username, 'jane.doe');
    assert.equal(user.address, 'jane.doe@example.com');
    assert.equal(user.quotaOctets, 1024 ** 3);
    assert.deepEqual(user.tags, ['a', 'b']);
    assert.equal((await addresses.resolve('JaneDoe+x@example.com'))?.user, user.id);
    assert.deepEqual(
      (await mailboxes.list(user.account)).map(({ path, specialUse, isSubscribed }) => [
        path,
        specialUse,
        isSubscribed,
      ]),
      [
        ['INBOX', undefined, true],
        ['Drafts', '\\Drafts', true],
        ['Junk', '\\Junk', true],
        ['Sent', '\\Sent', true],
        ['Trash', '\\Trash', true],
      ],
    );
    assert.deepEqual((await accounts.findByUsername('janedoe'))?.metaData, { $gt: '' });
    assert.equal((await mailboxes.usage(user.account)).quotaOctets, user.quotaOctets);
  });

  it('takes a name once, however it is written', async () => {
    const { accounts } = rooms;
    await accounts.create({ username: 'one.name', password: undefined });
    for (const username of ['onename', 'ONE.NAME', 'o.n.e.name']) {
      await assert.rejects(
        accounts.create({ username, password: undefined, address: '' }),
        refuses('user-exists'),
        username,
      );
    }
    await accounts.create({ username: 'one-name', password: undefined });
  });

  it('refuses names that are none', async () => {
    for (const username of ['', ' ', 'a b', 'ä', '.a', 'a..b', 'a@b@c', 'a'.repeat(129), '__proto__', 'a\u0000']) {
      await assert.rejects(
        rooms.accounts.create({ username, password: undefined }),
        refuses('invalid-input'),
        username,
      );
    }
    assert.equal((await rooms.accounts.create({ username: 'a'.repeat(128), password: undefined })).address, '');
    assert.equal(
      (await rooms.accounts.create({ username: 'constructor', password: undefined })).username,
      'constructor',
    );
  });

  it('refuses an address that another user has, and leaves the name free', async () => {
    const { accounts } = rooms;
    await accounts.create({ username: 'holder', password: undefined, address: 'taken@example.com' });
    await assert.rejects(
      accounts.create({ username: 'late', password: undefined, address: 'TAKEN@example.com' }),
      refuses('address-exists'),
    );
    assert.equal(await accounts.findByUsername('late'), undefined);
    assert.equal((await accounts.create({ username: 'late', password: undefined })).address, 'late@example.com');
  });

  it('gives ten parallel creators of one name one winner with one address', async () => {
    const nodes = Array.from({ length: 10 }, () => rooms.anotherNode());
    const outcomes = await Promise.allSettled(
      nodes.map((node, n) =>
        node.create({ username: 'race', password: `p${n}`, address: `race${n}@example.com`, quotaOctets: 1000 + n }),
      ),
    );
    const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.ok(refuses('user-exists')(outcome.reason), String(outcome.reason));
    const [winner] = winners;
    assert.equal(winners.length, 1);
    assert.ok(winner);
    assert.deepEqual(
      (await rooms.addresses.listOf(winner.id)).map(({ address }) => address),
      [winner.address],
    );
    assert.equal((await rooms.mailboxes.usage(winner.account)).quotaOctets, winner.quotaOctets);
    const candidate = await rooms.accounts.forLogin('race');
    assert.equal(await candidate.verify(`p${winner.address[4] ?? ''}`), true);
  });

  it('finishes what a crash left half-made, and until then nobody is there', async () => {
    const { accounts, addresses, anotherNode } = rooms;
    const steps = [
      { addresses: { create: crash } },
      { mailboxes: { createAccount: crash } },
      { mailboxes: { createAccount: crash }, addresses: {} },
    ];
    for (const [n, step] of steps.entries()) {
      const username = `crashed${n}`;
      await assert.rejects(
        anotherNode(step).create({ username, password: 'old', address: `first${n}@example.com`, quotaOctets: 1 }),
        /gone/,
      );
      assert.equal(await accounts.findByUsername(username), undefined);
      assert.equal((await accounts.forLogin(username)).user, undefined);
      assert.equal(await (await accounts.forLogin(`first${n}@example.com`)).verify('old'), false);
      const user = await accounts.create({
        username,
        password: 'new',
        address: `second${n}@example.com`,
        quotaOctets: 2000,
      });
      assert.deepEqual(
        (await addresses.listOf(user.id)).map(({ address }) => address),
        [`second${n}@example.com`],
      );
      assert.equal((await rooms.mailboxes.usage(user.account)).quotaOctets, 2000);
      assert.equal(await (await accounts.forLogin(username)).verify('new'), true);
    }
  });

  it('takes over an address that a crashed creation left, after some minutes', async () => {
    const { accounts, anotherNode, advance } = rooms;
    await assert.rejects(
      anotherNode({ mailboxes: { createAccount: crash } }).create({
        username: 'gone',
        password: undefined,
        address: 'left@example.com',
      }),
      /gone/,
    );
    await assert.rejects(
      accounts.create({ username: 'other', password: undefined, address: 'left@example.com' }),
      refuses('address-exists'),
    );
    advance(10 * 60_000 + 1);
    assert.equal(
      (await accounts.create({ username: 'other', password: undefined, address: 'left@example.com' })).address,
      'left@example.com',
    );
  });

  it('removes a user with everything, and finishes a removal that broke off', async () => {
    const { accounts, addresses, anotherNode } = rooms;
    const user = await accounts.create({ username: 'leaver', password: 'x' });
    await accounts.addAddress(user.id, 'leaver2@example.com');
    await assert.rejects(anotherNode({ addresses: { removeAllOf: crash } }).remove(user.id), /gone/);
    assert.equal(await accounts.get(user.id, { fresh: true }), undefined);
    assert.equal((await accounts.forLogin('leaver')).user, undefined);
    await assert.rejects(rooms.mailboxes.list(user.account), refuses('user-not-found'));
    assert.equal((await accounts.remove(user.id)).length, 2);
    assert.equal(await addresses.resolve('leaver2@example.com'), undefined);
    await assert.rejects(accounts.remove(user.id), refuses('user-not-found'));
    const again = await accounts.create({ username: 'leaver', password: 'y' });
    assert.notEqual(again.account, user.account);
  });

  it('gives a name whose removal broke off to who wants it next', async () => {
    const { accounts, anotherNode } = rooms;
    const user = await accounts.create({ username: 'halfway', password: 'x' });
    await assert.rejects(anotherNode({ mailboxes: { closeAccount: crash } }).remove(user.id), /gone/);
    const again = await accounts.create({ username: 'halfway', password: 'y' });
    assert.notEqual(again.id, user.id);
    await assert.rejects(rooms.mailboxes.list(user.account), refuses('user-not-found'));
  });

  it('never repeats a UIDVALIDITY under a name, however soon the name is used again', async () => {
    const { accounts, mailboxes } = rooms;
    const seen = new Set<number>();
    for (let n = 0; n < 3; n += 1) {
      const user = await accounts.create({ username: 'phoenix', password: 'x' });
      for (const { uidValidity } of await mailboxes.list(user.account)) {
        assert.ok(!seen.has(uidValidity), `UIDVALIDITY ${uidValidity} came back`);
        seen.add(uidValidity);
      }
      await accounts.remove(user.id);
    }
    assert.equal(seen.size, 15);
  });

  it('changes what is named, and raises authVersion with the password', async () => {
    const { accounts, mailboxes } = rooms;
    const user = await accounts.create({ username: 'changer', password: 'old' });
    const renamed = await accounts.update(user.id, { name: 'New', quotaOctets: 4096, tags: ['x'] });
    assert.deepEqual(
      [renamed.name, renamed.quotaOctets, renamed.authVersion, renamed.username],
      ['New', 4096, 1, 'changer'],
    );
    assert.equal((await mailboxes.usage(user.account)).quotaOctets, 4096);
    assert.equal((await accounts.update(user.id, { password: 'new' })).authVersion, 2);
    assert.equal((await accounts.update(user.id, { isSuspended: true })).authVersion, 3);
    const candidate = await accounts.forLogin('changer@example.com');
    assert.deepEqual([await candidate.verify('old'), await candidate.verify('new')], [false, true]);
    assert.equal((await accounts.update(user.id, { password: '' })).hasPassword, false);
    assert.equal(await (await accounts.forLogin('changer')).verify(''), false);
    await assert.rejects(accounts.update(newUserId(), { name: 'x' }), refuses('user-not-found'));
  });

  it('knows a main address among several', async () => {
    const { accounts } = rooms;
    const user = await accounts.create({ username: 'many', password: undefined, address: '' });
    const other = await accounts.create({ username: 'another', password: undefined });
    await accounts.addAddress(user.id, 'First+label@example.com');
    assert.equal((await accounts.get(user.id))?.address, 'First@example.com');
    const second = await accounts.addAddress(user.id, 'second@example.com');
    await assert.rejects(accounts.addAddress(user.id, 'third+x@example.com'), refuses('invalid-input'));
    await assert.rejects(accounts.removeAddress(user.id, 'first@example.com'), refuses('not-permitted'));
    await assert.rejects(accounts.removeAddress(other.id, 'second@example.com'), refuses('address-not-found'));
    await accounts.addAddress(user.id, 'second@example.com', { isMain: true });
    await accounts.removeAddress(user.id, 'first@example.com');
    await assert.rejects(accounts.removeAddress(user.id, second.id), refuses('not-permitted'));
    await assert.rejects(accounts.addAddress(newUserId(), 'nobody@example.com'), refuses('user-not-found'));
    assert.equal(await rooms.addresses.get('nobody@example.com'), undefined);
  });

  it('reads a warm user from memory, and nothing of a stranger by operators', async () => {
    const { accounts } = rooms;
    const user = await accounts.create({ username: 'warm', password: undefined });
    await accounts.get(user.id);
    commands = [];
    await accounts.get(user.id);
    assert.deepEqual(commands, []);
    await accounts.update(user.id, { name: 'changed' });
    assert.equal((await accounts.get(user.id))?.name, 'changed');
    assert.equal(await accounts.findByUsername('$ne'), undefined);
    assert.deepEqual(await accounts.list({ query: '.*', limit: 5 }), []);
  });

  it('asks the same of the database whoever wants to log in', async () => {
    await rooms.accounts.create({ username: 'timing', password: 'x' });
    const lookups = async (username: string): Promise<number> => {
      commands = [];
      await rooms.accounts.forLogin(username);
      return commands.filter((name) => name === 'find').length;
    };
    assert.deepEqual([await lookups('timing'), await lookups('nobody-here'), await lookups('')], [2, 2, 2]);
    assert.deepEqual([await lookups('timing@example.com'), await lookups('nobody@example.com')], [3, 3]);
  });

  it('lists by id in pages, by substring and by tags', async () => {
    const { accounts } = rooms;
    const ids: string[] = [];
    for (const name of ['p1', 'p2', 'p3'])
      ids.push((await accounts.create({ username: `page.${name}`, password: undefined, tags: [name, 'pages'] })).id);
    ids.sort();
    const listed = async (options: Parameters<typeof accounts.list>[0]): Promise<string[]> =>
      (await accounts.list(options)).map(({ id }) => id);
    assert.deepEqual(await listed({ query: 'PAGE.P', limit: 2 }), ids.slice(0, 2));
    assert.deepEqual(await listed({ query: 'page.p', limit: 2, after: ids[1] as never }), ids.slice(2));
    assert.deepEqual(await listed({ query: 'page.p', limit: 1, before: ids[2] as never }), [ids[1]]);
    assert.equal((await listed({ tags: ['P1', 'p2'], requiredTags: ['Pages'], limit: 9 })).length, 2);
    assert.equal(await accounts.count({ query: 'page.p' }), 3);
  });
});
