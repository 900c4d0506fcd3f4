import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Hints } from '../../lib/journal/index.ts';
import { newAccountId } from '../../lib/kernel/ids.ts';
import { hintsContract, nextHint, reached } from '../contracts/hints-contract.ts';
import { RawRedis } from '../support/raw-redis.ts';
import { joinThroughRedis } from '../support/redis-hints.ts';
import { startRedis, withoutRedis, type RedisServer } from '../support/redis-server.ts';

const skip = await withoutRedis();

const open: Hints[] = [];

function joined(uri: string): Promise<Hints> {
  const hints = joinThroughRedis(uri);
  open.push(hints);
  return Promise.resolve(hints);
}

function reset(hints: Hints): Promise<void> {
  return new Promise((resolve) => {
    const end = hints.onReset(() => {
      end();
      resolve();
    });
  });
}

describe('hints through Redis', { skip }, () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(async () => {
    // A test that failed has left its own.
    for (const hints of open) await hints.close();
    await server.close();
  });

  hintsContract({ join: () => joined(server.uri) });

  it('go through sharded channels, one an account, and leave nothing in Redis', async () => {
    const [one, two] = [await joined(server.uri), await joined(server.uri)];
    const account = newAccountId();
    const end = two.subscribe(account, () => undefined);
    await reached(one, two, account);
    const raw = await RawRedis.connect(server.port);
    assert.match(await raw.command('PUBSUB SHARDCHANNELS eider:hint:*'), new RegExp(`eider:hint:${account}`));
    assert.match(await raw.command('PUBSUB CHANNELS *'), /^\*0/);
    assert.equal(await raw.command('DBSIZE'), ':0');
    end();
    while (!(await raw.command('PUBSUB SHARDCHANNELS eider:hint:*')).startsWith('*0')) await turn();
    raw.close();
    await one.close();
    await two.close();
  });

  it('a new subscription says that hints may have been missed before it', async () => {
    const [one, two] = [await joined(server.uri), await joined(server.uri)];
    await reached(one, two, newAccountId());
    const q = await new Promise<number>((resolve) => {
      two.subscribe(newAccountId(), resolve);
    });
    assert.equal(q, Infinity);
    await one.close();
    await two.close();
  });

  it('junk, forged numbers and megabytes are passed over', async () => {
    const [one, two] = [await joined(server.uri), await joined(server.uri)];
    const account = newAccountId();
    const heard: number[] = [];
    await reached(one, two, account);
    const end = two.subscribe(account, (q) => {
      if (q !== Infinity) heard.push(q);
    });
    await reached(one, two, account);
    // What one says arrives in order: nothing of before comes after this.
    const last = nextHint(two, account, 1_000_000);
    one.publish(account, 1_000_000);
    await last;
    heard.length = 0;
    const raw = await RawRedis.connect(server.port);
    const channel = `eider:hint:${account}`;
    const junk = ['', '-1', 'x', '1e9', '9'.repeat(40), '1\n2', '{"q":1}', '\0\0', 'x'.repeat(1024 * 1024)];
    for (const text of junk) await raw.send(['SPUBLISH', channel, text]);
    for (const name of ['eider', 'eider:hint:', 'eider:hint:zz', `eider:hint:${account}0`]) {
      await raw.send(['SPUBLISH', name, '5']);
    }
    await raw.send(['SPUBLISH', channel, '424242']);
    while (!heard.includes(424_242)) await turn();
    assert.deepEqual(heard, [424_242]);
    raw.close();
    end();
    await one.close();
    await two.close();
  });

  it('a subscriber whose connection is killed again and again says each time that hints may be missing, and hears again', async () => {
    const [one, two] = [await joined(server.uri), await joined(server.uri)];
    const account = newAccountId();
    await reached(one, two, account);
    const raw = await RawRedis.connect(server.port);
    for (let kill = 0; kill < 5; kill += 1) {
      const resets = Promise.all([reset(one), reset(two)]);
      await raw.command('CLIENT KILL TYPE pubsub');
      await resets;
    }
    const heard = nextHint(two, account, 900);
    await reached(one, two, account);
    one.publish(account, 900);
    assert.equal(await heard, 900);
    raw.close();
    await one.close();
    await two.close();
  });

  it('what is published while Redis is dead arrives when it is back, empty; a burst leaves as one hint an account', async () => {
    const [one, two] = [await joined(server.uri), await joined(server.uri)];
    const account = newAccountId();
    await reached(one, two, account);
    const heard: number[] = [];
    two.subscribe(account, (q) => {
      if (q !== Infinity) heard.push(q);
    });
    await server.kill();
    const startedAt = performance.now();
    for (let q = 1; q <= 20_000; q += 1) one.publish(account, q);
    assert.ok(performance.now() - startedAt < 1000, 'publishing waits for nobody');
    const back = reset(two);
    await server.restart();
    await back;
    while (!heard.includes(20_000)) {
      // The publisher may have been back before the subscriber.
      one.publish(account, 20_000);
      await turn();
    }
    assert.ok(heard.length < 100, `${String(heard.length)} hints`);
    await one.close();
    await two.close();
  });

  it('Redis absent at the start is found when it comes', async () => {
    await server.kill();
    const [one, two] = [await joined(server.uri), await joined(server.uri)];
    const account = newAccountId();
    const heard = nextHint(two, account, 3);
    one.publish(account, 2);
    await server.restart();
    const until = heard.then(() => true);
    while (!(await Promise.race([until, turn().then(() => false)]))) one.publish(account, 3);
    await one.close();
    await two.close();
  });

  it('a frozen Redis holds nobody up, and what was published meanwhile arrives after it', async () => {
    const [one, two] = [await joined(server.uri), await joined(server.uri)];
    const accounts = Array.from({ length: 200 }, () => newAccountId());
    const last = accounts.at(-1) ?? newAccountId();
    for (const account of accounts) two.subscribe(account, () => undefined);
    await reached(one, two, last);
    server.freeze();
    try {
      const startedAt = performance.now();
      for (let n = 0; n < 5000; n += 1) one.publish(accounts[n % 200] ?? last, 1_000_000 + n);
      assert.ok(performance.now() - startedAt < 1000);
      // Past the time that a command may take.
      await new Promise((resolve) => setTimeout(resolve, 400));
    } finally {
      server.thaw();
    }
    const newest = await nextHint(two, last, 1_004_999);
    assert.equal(newest, 1_004_999);
    await one.close();
    await two.close();
  });
});

describe('hints through a Redis that has no sharded channels', { skip }, () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis(['--rename-command', 'SPUBLISH', '', '--rename-command', 'SSUBSCRIBE', '']);
  });
  after(async () => {
    // A test that failed has left its own.
    for (const hints of open) await hints.close();
    await server.close();
  });

  hintsContract({ join: () => joined(server.uri) });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
