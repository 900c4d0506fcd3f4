import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPasswordHasher } from '../../lib/auth/index.ts';
import { Lanes } from '../../lib/auth/lanes.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import { processTime } from '../support/processor-time.ts';

const refuses = (code: string) => (error: unknown) => error instanceof MailError && error.code === code;

describe('password hasher', () => {
  const cheap = createPasswordHasher({ memoryKib: 64, passes: 1, parallelism: 1 });

  it('stores PHC strings of argon2id with 19 MiB and 2 passes, salted anew each time', async () => {
    const hasher = createPasswordHasher();
    const [one, other] = await Promise.all([hasher.hash('secret'), hasher.hash('secret')]);
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    assert.notEqual(one, other);
    assert.equal(await hasher.verify(one, 'secret'), true);
    assert.equal(await hasher.verify(one, 'Secret'), false);
    assert.equal(await cheap.verify(one, 'secret'), true, 'the stored parameters count');
  });

  it('verifies nobody as false, with as much work', async () => {
    const hasher = createPasswordHasher();
    const stored = await hasher.hash('secret');
    const span = async (hash: string | undefined): Promise<number> => {
      const spans: number[] = [];
      for (let round = 0; round < 7; round += 1) {
        const start = processTime();
        assert.equal(await hasher.verify(hash, 'wrong'), false);
        spans.push(processTime() - start);
      }
      return Math.min(...spans);
    };
    const [known, unknown] = [await span(stored), await span(undefined)];
    assert.ok(unknown > known / 2 && unknown < known * 2, `${known} ms and ${unknown} ms`);
  });

  it('caps what is hashed at 256 characters', async () => {
    for (const length of [255, 256]) {
      const stored = await cheap.hash('x'.repeat(length));
      assert.equal(await cheap.verify(stored, 'x'.repeat(length)), true);
      assert.equal(await cheap.verify(stored, 'x'.repeat(length + 1)), false);
    }
    await assert.rejects(cheap.hash('x'.repeat(257)), refuses('invalid-input'));
    assert.equal(await cheap.verify(undefined, 'x'.repeat(256 * 1024)), false);
  });

  it('takes either composition of a character', async () => {
    assert.equal(await cheap.verify(await cheap.hash('u\u0308'), '\u00fc'), true);
  });

  it('calls a hash that it cannot read trouble, never a wrong password', async () => {
    const stored = [
      '',
      'x',
      '$argon2id$v=19$m=999999999,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA',
      '$argon2id$v=19$m=8388608,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA',
    ];
    for (const text of stored) await assert.rejects(cheap.verify(text, 'secret'), refuses('internal'), text);
  });
});

describe('lanes', () => {
  it('runs so many at a time in order, and refuses what the queue does not hold', async () => {
    const lanes = new Lanes({ concurrency: 2, waiting: 3 });
    const gates: (() => void)[] = [];
    const started: number[] = [];
    const task = (n: number) => () => {
      started.push(n);
      return new Promise<void>((resolve) => gates.push(resolve));
    };
    const runs = [1, 2, 3, 4, 5].map((n) => lanes.run(task(n)));
    await assert.rejects(lanes.run(task(6)), refuses('unavailable'));
    assert.deepEqual(started, [1, 2]);
    for (let done = 0; done < 5; done += 1) {
      gates[done]?.();
      await runs[done];
      await new Promise(setImmediate);
      assert.deepEqual(started, [1, 2, 3, 4, 5].slice(0, Math.min(5, done + 3)));
    }
    assert.equal(await lanes.run(async () => 'free again'), 'free again');
  });

  it('frees the lane of a task that fails', async () => {
    const lanes = new Lanes({ concurrency: 1, waiting: 0 });
    await assert.rejects(
      lanes.run(() => Promise.reject(new Error('broken'))),
      /broken/,
    );
    assert.equal(await lanes.run(async () => 1), 1);
  });
});
