import { deliveryFaults } from './delivery-faults.ts';
import { chosenSeed } from './seeded-random.ts';

deliveryFaults({ seed: chosenSeed('random'), runs: 10, writes: 50, stores: 100 });
