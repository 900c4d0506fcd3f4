import { garbageRace } from './garbage-race.ts';
import { chosenSeed } from './seeded-random.ts';

garbageRace(chosenSeed('random'), 334);
