import { deliveryFaults } from './delivery-faults.ts';
import { chosenSeed } from './seeded-random.ts';

deliveryFaults({ seed: chosenSeed(2021), runs: 1, writes: 8, stores: 15 });
