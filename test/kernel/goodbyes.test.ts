import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { systemClock } from '../../lib/kernel/clock.ts';
import { spreadGoodbyes, type Leaving } from '../../lib/kernel/goodbyes.ts';

interface Told {
  readonly n: number;
  readonly afterMs: number;
}

/** Clients of whom every third has a command under way; resolves when so many were told. */
function clientsOf(count: number): { clients: Leaving[]; told: Told[]; all: Promise<unknown> } {
  const told: Told[] = [];
  const all = Promise.withResolvers<undefined>();
  const begun = performance.now();
  const clients = Array.from({ length: count }, (_, n) => ({
    isIdle: n % 3 !== 0,
    leave: () => {
      told.push({ n, afterMs: performance.now() - begun });
      if (told.length === count) all.resolve(undefined);
    },
  }));
  return { clients, told, all: all.promise };
}

describe('goodbyes', () => {
  it('are said to idle clients first, one after the other, within three quarters of the time', async () => {
    const { clients, told, all } = clientsOf(60);
    spreadGoodbyes(clients, 1000, systemClock);
    assert.equal(told.length, 1, 'the first at once');
    await all;
    const kinds = told.map(({ n }) => n % 3 !== 0);
    assert.deepEqual(
      kinds,
      [...kinds].sort((a, b) => Number(b) - Number(a)),
    );
    assert.deepEqual(
      told.map(({ n }) => n).sort((a, b) => a - b),
      [...clients.keys()],
    );
    const last = told.at(-1)?.afterMs ?? 0;
    assert.ok(last > 650, `the last after ${last.toFixed(0)} ms`);
    // Told in order of their connection they would come back together as they came.
    assert.notDeepEqual(
      told.map(({ n }) => n).slice(0, 40),
      [...clients.keys()].filter((n) => n % 3 !== 0),
    );
  });

  it('to a few clients take no longer than they must', async () => {
    const { clients, told, all } = clientsOf(4);
    spreadGoodbyes(clients, 600_000, systemClock);
    await all;
    const last = told.at(-1)?.afterMs ?? 0;
    assert.ok(last > 90 && last < 2000, `the last after ${last.toFixed(0)} ms`);
  });

  it('are said to all at once where there is no time', () => {
    const { clients, told } = clientsOf(20);
    spreadGoodbyes(clients, 0, systemClock);
    assert.equal(told.length, 20);
  });

  it('are said no more once that is wanted', async () => {
    const { clients, told } = clientsOf(20);
    const stop = spreadGoodbyes(clients, 400, systemClock);
    stop();
    await sleep(60);
    assert.equal(told.length, 1);
  });
});
