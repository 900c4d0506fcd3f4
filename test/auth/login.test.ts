import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Accounts, User } from '../../lib/accounts/index.ts';
import {
  authSection,
  createAccessTokens,
  createAuth,
  createMemoryLoginLimiter,
  prepareAccessTokens,
  type Auth,
  type LoginAttempt,
} from '../../lib/auth/index.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import { openRooms, type Rooms } from '../accounts/rooms.ts';
import { EVERY_ROW } from '../support/every-row.ts';

const refuses = (code: string) => (error: unknown) => error instanceof MailError && error.code === code;
const limits = defaultsOf(authSection);

describe('login', () => {
  let rooms: Rooms;
  let user: User;
  let verifications = 0;

  const attempt = (username: string, password: string, more: Partial<LoginAttempt> = {}): LoginAttempt => ({
    username,
    password,
    scope: 'imap',
    protocol: 'IMAP',
    remoteAddress: '192.0.2.1',
    ...more,
  });
  /** Accounts that count how often a password is really verified. */
  const counting = (): Accounts => ({
    ...rooms.accounts,
    forLogin: async (username) => {
      const candidate = await rooms.accounts.forLogin(username);
      return {
        ...candidate,
        verify: (password) => {
          verifications += 1;
          return candidate.verify(password);
        },
      };
    },
  });
  const newAuth = (accounts: Accounts = counting()): Auth => {
    const { clock } = rooms;
    verifications = 0;
    return createAuth({ accounts, limiter: createMemoryLoginLimiter({ limits, clock, slowMs: 1 }), clock });
  };

  before(async () => {
    rooms = await openRooms();
    await prepareAccessTokens(rooms.database);
    user = await rooms.accounts.create({ username: 'user', password: 'secret' });
    await rooms.accounts.addAddress(user.id, 'alias@example.com');
  });
  after(() => rooms.close());

  it('takes the user name and every own address', async () => {
    const auth = newAuth();
    for (const name of ['user', 'USER', 'user@example.com', 'Alias@Example.com']) {
      assert.equal((await auth.login(attempt(name, 'secret'))).id, user.id, name);
    }
  });

  it('answers an unknown user and a wrong password alike', async () => {
    const auth = newAuth();
    const failure = async (name: string, password: string): Promise<unknown> => {
      const error: unknown = await auth.login(attempt(name, password)).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof MailError);
      return [error.code, error.message, error.details, error.retryAfterMs];
    };
    const expected = await failure('user', 'wrong');
    for (const name of [
      'nobody',
      'nobody@example.com',
      '',
      'a'.repeat(100_000),
      '__proto__',
      '{"$ne":""}',
      'user\r\n',
      'user\u0000',
    ]) {
      assert.deepEqual(await failure(name, 'secret'), expected, name.slice(0, 20));
    }
    assert.deepEqual(await failure('user', ''), expected);
    assert.deepEqual(await failure('user', 'x'.repeat(256 * 1024)), expected);
  });

  it('limits an unknown user as it does a known one', async () => {
    const auth = newAuth();
    const attempts = async (name: string): Promise<number> => {
      for (let n = 1; ; n += 1) {
        const error: unknown = await auth.login(attempt(name, `wrong ${n}`)).catch((thrown: unknown) => thrown);
        if (refuses('rate-limited')(error)) return n;
        assert.ok(refuses('authentication-failed')(error));
      }
    };
    assert.deepEqual([await attempts('user'), await attempts('nobody')], [13, 13]);
    await assert.rejects(
      auth.login(attempt('alias@example.com', 'secret')),
      refuses('rate-limited'),
      'the account, not the name',
    );
    assert.equal((await auth.login(attempt('user', 'secret', { remoteAddress: '192.0.2.2' }))).id, user.id);
  });

  it('lets a client open many connections at once for one verification, and remembers for minutes', async () => {
    const auth = newAuth();
    await Promise.all(Array.from({ length: 30 }, () => auth.login(attempt('user', 'secret'))));
    assert.equal(verifications, 1);
    await auth.login(attempt('user@example.com', 'secret', { remoteAddress: '198.51.100.1' }));
    assert.equal(verifications, 1);
    rooms.advance(5 * 60_000 + 1);
    await auth.login(attempt('user', 'secret'));
    assert.equal(verifications, 2);
  });

  it('forgets what it remembers when the password changes', async () => {
    const auth = newAuth();
    const changing = await rooms.accounts.create({ username: 'changing', password: 'old' });
    await auth.login(attempt('changing', 'old'));
    await rooms.accounts.update(changing.id, { password: 'new' });
    await assert.rejects(auth.login(attempt('changing', 'old')), refuses('authentication-failed'));
    await auth.login(attempt('changing', 'new'));
  });

  it('tells only who knows the password that the account is disabled, or the service switched off', async () => {
    const auth = newAuth();
    const disabled = await rooms.accounts.create({ username: 'disabled', password: 'x', disabledScopes: ['pop3'] });
    await assert.rejects(auth.login(attempt('disabled', 'x', { scope: 'pop3' })), refuses('invalid-auth-scope'));
    await auth.login(attempt('disabled', 'x'));
    await rooms.accounts.update(disabled.id, { isDisabled: true });
    await assert.rejects(auth.login(attempt('disabled', 'x')), refuses('account-disabled'));
    await assert.rejects(auth.login(attempt('disabled', 'y')), refuses('authentication-failed'));
    await rooms.accounts.create({ username: 'locked', password: undefined });
    await assert.rejects(auth.login(attempt('locked', '')), refuses('authentication-failed'));
  });

  it('calls trouble behind trouble, and counts it as no attempt', async () => {
    const unavailable = new MailError('unavailable', 'Storage is away');
    let isBroken = true;
    const auth = newAuth({
      ...rooms.accounts,
      forLogin: async (username) => {
        const candidate = await rooms.accounts.forLogin(username);
        return isBroken ? { ...candidate, verify: () => Promise.reject(unavailable) } : candidate;
      },
    });
    for (let n = 0; n < 20; n += 1) await assert.rejects(auth.login(attempt('user', `x ${n}`)), refuses('unavailable'));
    isBroken = false;
    await auth.login(attempt('user', 'secret'));
  });

  describe('access tokens', () => {
    const tokens = () =>
      createAccessTokens({
        ...rooms,
        settings: { tokenLifetime: limits.tokenLifetime, tokenMaxAge: limits.tokenMaxAge },
      });
    const DAY_MS = 24 * 3_600_000;

    it('are 40 digits, stored as hashes, and void once revoked', async () => {
      const token = await tokens().create(user);
      assert.match(token, /^[0-9a-f]{40}$/);
      assert.equal((await tokens().verify(token))?.id, user.id);
      const stored = await rooms.database.collection('accessTokens').find(EVERY_ROW).toArray();
      assert.ok(!JSON.stringify(stored).includes(token));
      for (const bad of ['', 'x', token.slice(1), token.toUpperCase(), `${token}0`, '0'.repeat(40)])
        assert.equal(await tokens().verify(bad), undefined, bad);
      assert.equal(await tokens().revoke(token), true);
      assert.equal(await tokens().revoke(token), false);
      assert.equal(await tokens().verify(token), undefined);
    });

    it('slide with use, to a maximum age', async () => {
      const [used, idle] = [await tokens().create(user), await tokens().create(user)];
      for (let day = 0; day < 179; day += 10) {
        assert.equal((await tokens().verify(used))?.id, user.id, `day ${day}`);
        rooms.advance(10 * DAY_MS);
      }
      assert.equal(await tokens().verify(used), undefined);
      assert.equal(await tokens().verify(idle), undefined);
    });

    it('are void with a new password, a suspension, and the end of the user', async () => {
      const one = await rooms.accounts.create({ username: 'tokens', password: 'x' });
      const token = await tokens().create(one);
      assert.ok(await tokens().verify(token));
      const changed = await rooms.accounts.update(one.id, { password: 'y' });
      assert.equal(await tokens().verify(token), undefined);
      const next = await tokens().create(changed);
      assert.ok(await tokens().verify(next));
      await rooms.accounts.update(one.id, { isDisabled: true });
      assert.equal(await tokens().verify(next), undefined);
      await rooms.accounts.update(one.id, { isDisabled: false });
      assert.ok(await tokens().verify(next));
      await rooms.accounts.remove(one.id);
      assert.equal(await tokens().verify(next), undefined);
    });

    it('see a new password of another node at once', async () => {
      const one = await rooms.accounts.create({ username: 'elsewhere', password: 'x' });
      await rooms.accounts.get(one.id);
      const token = await tokens().create(await rooms.anotherNode().update(one.id, { password: 'y' }));
      assert.equal((await tokens().verify(token))?.id, one.id);
    });

    it('are kept to a hundred a user', async () => {
      const one = await rooms.accounts.create({ username: 'collector', password: 'x' });
      const first = await tokens().create(one);
      for (let n = 0; n < 100; n += 1) {
        rooms.advance(1);
        await tokens().create(one);
      }
      assert.equal(await tokens().verify(first), undefined);
      assert.equal(
        (
          await rooms.database
            .collection('accessTokens')
            .find({ ...EVERY_ROW, user: one.id })
            .toArray()
        ).length,
        100,
      );
    });
  });
});
