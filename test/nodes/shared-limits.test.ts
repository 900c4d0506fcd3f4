import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  createMemoryLoginLimiter,
  createSharedLoginLimiter,
  createSharedSessionLimit,
  type LoginLimiter,
  type SessionLease,
} from '../../lib/auth/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import { newAccountId } from '../../lib/kernel/ids.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import { createRedis, redisSection, type Redis } from '../../lib/redis/index.ts';
import { RawRedis } from '../support/raw-redis.ts';
import { startRedis, withoutRedis, type RedisServer } from '../support/redis-server.ts';

const skip = await withoutRedis();
const LEASE_MS = 600;

const isCode = (code: string) => (error: unknown) => error instanceof MailError && error.code === code;

describe('limits of all nodes together', { skip }, () => {
  let server: RedisServer;
  const opened: Redis[] = [];

  before(async () => {
    server = await startRedis();
  });
  after(async () => {
    await Promise.all(opened.map((redis) => redis.close()));
    await server.close();
  });

  async function connected(): Promise<Redis> {
    const settings = { ...defaultsOf(redisSection), uri: server.uri, commandTimeout: 2000 };
    const redis = createRedis({ settings, clock: systemClock, logger: silentLogger });
    opened.push(redis);
    await ready(redis);
    return redis;
  }

  describe('sessions', () => {
    const node = async (name: string): Promise<ReturnType<typeof createSharedSessionLimit>> =>
      createSharedSessionLimit({ redis: await connected(), protocol: 'imap', node: name, leaseMs: LEASE_MS });

    it('take the 20th place and refuse the 21st, wherever it is asked for; a place given back is free', async () => {
      const [one, two] = [await node('a'), await node('b')];
      const account = newAccountId();
      const leases: SessionLease[] = [];
      for (let n = 0; n < 20; n += 1) leases.push(await (n % 2 === 0 ? one : two).enter(account, 20));
      for (const limit of [one, two]) await assert.rejects(limit.enter(account, 20), isCode('limit'));
      (await one.enter(newAccountId(), 20)).release();
      leases[0]?.release();
      leases[0]?.release();
      const again = await two.enter(account, 20);
      await assert.rejects(one.enter(account, 20), isCode('limit'));
      again.release();
      for (const lease of leases) lease.release();
      one.close();
      two.close();
    });

    it('20 that come at once are counted as 20', async () => {
      const [one, two] = [await node('a'), await node('b')];
      const account = newAccountId();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? one : two).enter(account, 20)),
      );
      const taken = outcomes.filter(({ status }) => status === 'fulfilled').length;
      assert.ok(taken >= 1 && taken <= 20, String(taken));
      one.close();
      two.close();
    });

    it('of a node that dies count until its lease is over; those of one that lives are renewed', async () => {
      const [dead, alive] = [await node('dead'), await node('alive')];
      const account = newAccountId();
      for (let n = 0; n < 2; n += 1) await dead.enter(account, 4);
      for (let n = 0; n < 2; n += 1) await alive.enter(account, 4);
      await assert.rejects(alive.enter(account, 4), isCode('limit'));
      dead.close();
      const places = await until(() => alive.enter(account, 4));
      await alive.enter(account, 4);
      await assert.rejects(alive.enter(account, 4), isCode('limit'));
      // Longer than a lease: what is renewed goes on counting.
      await new Promise((resolve) => setTimeout(resolve, LEASE_MS * 1.5));
      const other = await node('other');
      await assert.rejects(other.enter(account, 4), isCode('limit'));
      places.release();
      alive.close();
      other.close();
    });

    it('go on within a node while Redis is away, and are right again when it is back, empty', async () => {
      const [one, two] = [await node('a'), await node('b')];
      const account = newAccountId();
      for (let n = 0; n < 3; n += 1) await one.enter(account, 4);
      await server.kill();
      await two.enter(account, 4);
      await one.enter(account, 4);
      await assert.rejects(one.enter(account, 4), isCode('limit'));
      await server.restart();
      await until(async () => {
        const other = await node('c');
        other.close();
        const lease = await other.enter(account, 4).catch(() => undefined);
        lease?.release();
        if (lease !== undefined) throw new Error('not known yet');
      });
      one.close();
      two.close();
    });
  });

  describe('failed log-ins', () => {
    const limits = { failureWindow: 120_000, failuresPerLogin: 12, failuresPerRemote: 60, failuresPerUser: 60 };
    const node = async (): Promise<LoginLimiter> =>
      createSharedLoginLimiter({
        redis: await connected(),
        local: createMemoryLoginLimiter({ limits, clock: systemClock, slowMs: 3000 }),
        limits,
        slowMs: 3000,
      });
    const fail = async (limiter: LoginLimiter, remote: string, account: string, times: number): Promise<void> => {
      for (let n = 0; n < times; n += 1) (await limiter.admit(remote, account)).settle('failure');
    };

    it('are counted by all nodes together, and taken back where the password was right', async () => {
      const nodes = [await node(), await node(), await node()];
      const [remote, account] = [`r${String(server.port)}`, 'alice'];
      for (const limiter of nodes) await fail(limiter, remote, account, 4);
      for (const limiter of nodes) {
        await assert.rejects(limiter.admit(remote, account), isCode('rate-limited'));
        (await limiter.admit(remote, 'bob')).settle('success');
      }
      const fresh = await node();
      await assert.rejects(fresh.admit(remote, account), isCode('rate-limited'));
      (await fresh.admit('elsewhere', account)).settle('failure');
    });

    it('spare a remote that has logged in on another node, and slow strangers', async () => {
      const [one, two] = [await node(), await node()];
      (await one.admit('home', 'carol')).settle('success');
      for (let n = 0; n < 60; n += 1) await fail(one, `stranger ${String(n)}`, 'carol', 1);
      const home = await until(async () => {
        const admitted = await two.admit('home', 'carol');
        admitted.settle('undecided');
        assert.equal(admitted.delayMs, 0);
        return admitted;
      });
      assert.equal(home.delayMs, 0);
      assert.equal((await two.admit('new', 'carol')).delayMs, 3000);
    });

    it('are counted by each node alone while Redis is away', async () => {
      const [one, two] = [await node(), await node()];
      await server.kill();
      await fail(one, 'away', 'dave', 12);
      await assert.rejects(one.admit('away', 'dave'), isCode('rate-limited'));
      await fail(two, 'away', 'dave', 1);
      await server.restart();
    });

    it('leave keys of one length that tell no name, and none for ever', async () => {
      const limiter = await node();
      await fail(limiter, 'x'.repeat(10_000), '\r\n$*__proto__', 1);
      const raw = await RawRedis.connect(server.port);
      const keys = (await raw.command('KEYS eider:login:*')).split(' ').slice(1);
      assert.ok(keys.length >= 3);
      for (const key of keys) {
        assert.match(key, /^eider:login:\w+:[0-9a-f]{32}$/);
        assert.doesNotMatch(await raw.command(`PTTL ${key}`), /:-/);
      }
      raw.close();
    });
  });

  it('a frozen Redis holds one log-in up for its time-out and the next ones not at all', async () => {
    const settings = { ...defaultsOf(redisSection), uri: server.uri, commandTimeout: 100 };
    const redis = createRedis({ settings, clock: systemClock, logger: silentLogger });
    opened.push(redis);
    await ready(redis);
    const limit = createSharedSessionLimit({ redis, protocol: 'pop3', node: 'n' });
    server.freeze();
    try {
      await limit.enter(newAccountId(), 20);
      const startedAt = performance.now();
      for (let n = 0; n < 200; n += 1) await limit.enter(newAccountId(), 20);
      assert.ok(performance.now() - startedAt < 1000, 'one time-out, not 200');
    } finally {
      server.thaw();
      limit.close();
    }
  });
});

async function ready(redis: Redis): Promise<void> {
  const { defineScript } = await import('../../lib/redis/index.ts');
  await until(() => redis.run(defineScript('return 1'), 'x', []));
}

async function until<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
