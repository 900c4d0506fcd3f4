import { chosenSeed, seededRandom } from '../faults/seeded-random.ts';
import { killedSuite } from './killed-suite.ts';

killedSuite('kill -9 at the worst places of', {
  random: seededRandom(chosenSeed(20_261_122)),
  points: new Set(['backup.object-written', 'restore.log-written', 'migrate.page-copied']),
  byClock: 0,
  messages: 6,
});
