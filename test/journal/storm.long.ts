import { randomInt } from 'node:crypto';
import { it } from 'node:test';
import { useDatabase } from './journal-node.ts';
import { weatherStorm } from './storm.ts';

const setup = useDatabase();

const STORMS = 300;

it(`${STORMS} storms`, { timeout: 600_000 }, async () => {
  const first = randomInt(2 ** 31);
  for (let seed = first; seed < first + STORMS; seed += 1) await weatherStorm(setup, seed);
});
