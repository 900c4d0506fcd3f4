import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../lib/kernel/clock.ts';
import { createLifecycle, type Service, type StopDeadline } from '../../lib/kernel/lifecycle.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';

function recorded(
  order: string[],
  name: string,
  stop: (deadline: StopDeadline) => Promise<void> = async () => undefined,
): Service {
  return {
    name,
    stop: async (deadline) => {
      order.push(`${name} stops`);
      await stop(deadline);
      order.push(`${name} stopped`);
    },
  };
}

const untilAborted = ({ signal }: StopDeadline): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

describe('lifecycle', () => {
  it('stops in the reverse order, those started together at once', async () => {
    const order: string[] = [];
    const lifecycle = createLifecycle(silentLogger, systemClock);
    lifecycle.add(recorded(order, 'database'));
    lifecycle.add(recorded(order, 'imap'), recorded(order, 'lmtp'));
    assert.deepEqual(await lifecycle.stop(1000), []);
    assert.deepEqual(order, [
      'imap stops',
      'lmtp stops',
      'imap stopped',
      'lmtp stopped',
      'database stops',
      'database stopped',
    ]);
  });

  it('goes on where one fails, and says which', async () => {
    const order: string[] = [];
    const lifecycle = createLifecycle(silentLogger, systemClock);
    lifecycle.add(recorded(order, 'database'));
    lifecycle.add(recorded(order, 'imap', () => Promise.reject(new Error('broken'))));
    assert.deepEqual(await lifecycle.stop(1000), ['imap']);
    assert.ok(order.includes('database stopped'));
  });

  it('tells a service that the time is over, and goes on without one that does not care', async () => {
    const order: string[] = [];
    const lifecycle = createLifecycle(silentLogger, systemClock);
    lifecycle.add(recorded(order, 'database'));
    lifecycle.add(
      recorded(order, 'lmtp', untilAborted),
      recorded(order, 'imap', () => new Promise(() => undefined)),
    );
    assert.deepEqual(await lifecycle.stop(20), ['imap']);
    assert.ok(order.includes('lmtp stopped'));
    assert.ok(order.includes('database stopped'));
  });

  it('stops once, however often it is asked', async () => {
    const order: string[] = [];
    const lifecycle = createLifecycle(silentLogger, systemClock);
    lifecycle.add(recorded(order, 'imap'));
    await Promise.all([lifecycle.stop(1000), lifecycle.stop(1000)]);
    await lifecycle.stop(1000);
    assert.deepEqual(order, ['imap stops', 'imap stopped']);
  });
});
