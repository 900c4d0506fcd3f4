import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMemoryLoginLimiter, type LoginLimiter } from '../../lib/auth/index.ts';
import { FailureBuckets } from '../../lib/auth/failure-buckets.ts';
import { remoteNetwork } from '../../lib/auth/remote-network.ts';
import { MailError } from '../../lib/kernel/errors.ts';

const limits = { failureWindow: 120_000, failuresPerLogin: 12, failuresPerRemote: 60, failuresPerUser: 60 };

function limiterAt(): { limiter: LoginLimiter; advance: (ms: number) => void } {
  let time = 0;
  const clock = { now: () => time, monotonic: () => time };
  return {
    limiter: createMemoryLoginLimiter({ limits, clock, slowMs: 3000 }),
    advance: (ms) => {
      time += ms;
    },
  };
}

async function fail(limiter: LoginLimiter, remote: string, account: string, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) (await limiter.admit(remote, account)).settle('failure');
}

const limitedFor = (ms: number) => (error: unknown) =>
  error instanceof MailError && error.code === 'rate-limited' && error.retryAfterMs === ms;

describe('login limiter', () => {
  it('refuses the 13th failure of one remote for one account, and forgives one each tenth of the window', async () => {
    const { limiter, advance } = limiterAt();
    await fail(limiter, 'a', 'alice', 12);
    await assert.rejects(limiter.admit('a', 'alice'), limitedFor(10_000));
    (await limiter.admit('a', 'bob')).settle('failure');
    (await limiter.admit('b', 'alice')).settle('failure');
    advance(9_999);
    await assert.rejects(limiter.admit('a', 'alice'), limitedFor(1));
    advance(1);
    await fail(limiter, 'a', 'alice', 1);
    await assert.rejects(limiter.admit('a', 'alice'), limitedFor(10_000));
  });

  it('counts attempts that are still running, and takes back those that succeed or are undecided', async () => {
    const { limiter } = limiterAt();
    const running = await Promise.all(Array.from({ length: 12 }, () => limiter.admit('a', 'alice')));
    await assert.rejects(limiter.admit('a', 'alice'), limitedFor(10_000));
    running.forEach((admitted, n) => admitted.settle(n % 2 === 0 ? 'undecided' : 'success'));
    await fail(limiter, 'a', 'alice', 12);
  });

  it('refuses a remote that tries many accounts', async () => {
    const { limiter } = limiterAt();
    for (let n = 0; n < 60; n += 1) await fail(limiter, 'a', `user ${n}`, 1);
    await assert.rejects(limiter.admit('a', 'another'), limitedFor(2_000));
    await fail(limiter, 'b', 'another', 1);
  });

  it('slows strangers when an account fails from everywhere, and spares a remote that has logged in', async () => {
    const { limiter } = limiterAt();
    (await limiter.admit('home', 'alice')).settle('success');
    for (let n = 0; n < 60; n += 1) await fail(limiter, `stranger ${n}`, 'alice', 1);
    const slow = [
      await limiter.admit('new', 'alice'),
      await limiter.admit('new', 'alice'),
      await limiter.admit('new', 'alice'),
    ];
    assert.deepEqual(
      slow.map(({ delayMs }) => delayMs),
      [3000, 3000, 3000],
    );
    await assert.rejects(limiter.admit('new', 'alice'), limitedFor(3000));
    const home = await limiter.admit('home', 'alice');
    assert.equal(home.delayMs, 0);
    slow[0]?.settle('success');
    assert.equal((await limiter.admit('other', 'alice')).delayMs, 3000);
  });

  it('never refuses a trusted remote outright', async () => {
    const { limiter } = limiterAt();
    (await limiter.admit('webmail', 'alice')).settle('success');
    await fail(limiter, 'webmail', 'alice', 12);
    for (let n = 0; n < 48; n += 1) await fail(limiter, 'webmail', `user ${n}`, 1);
    const admitted = await limiter.admit('webmail', 'alice');
    assert.equal(admitted.delayMs, 3000);
    admitted.settle('success');
  });
});

it('failure buckets stay bounded', () => {
  const clock = { now: () => 0, monotonic: () => 0 };
  const buckets = new FailureBuckets({ capacity: 1, windowMs: 1000, clock, maxBuckets: 3 });
  for (const key of ['a', 'b', 'c', '__proto__']) buckets.add(key);
  assert.deepEqual(
    ['a', 'b', 'c', '__proto__'].map((key) => buckets.waitMs(key)),
    [0, 1000, 1000, 1000],
  );
});

describe('remoteNetwork', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['', ''],
    ['/run/eider.sock', ''],
  ];
  for (const [address, network] of cases) {
    it(address, () => {
      assert.equal(remoteNetwork(address), network);
    });
  }
});
