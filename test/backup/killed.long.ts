import { chosenSeed, seededRandom } from '../faults/seeded-random.ts';
import { killedSuite } from './killed-suite.ts';

const seed = chosenSeed('random');

killedSuite(`seed ${String(seed)}: kill -9 at every crash point, and at moments of the clock, of`, {
  random: seededRandom(seed),
  points: 'all',
  byClock: 6,
  messages: 30,
});
