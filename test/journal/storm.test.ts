import { it } from 'node:test';
import { useDatabase } from './journal-node.ts';
import { weatherStorm } from './storm.ts';

const setup = useDatabase();

it('what three nodes were told in a storm is so: replies lost, inserts late and in pieces, failing reads, folds', async () => {
  for (const seed of [22, 25, 26]) await weatherStorm(setup, seed);
});
