import { faultMatrix } from './fault-matrix.ts';

// Each fault at three of the operations, each operation at a quarter of the faults; all of it is in the long suite.
faultMatrix({
  name: 'a replica set in trouble',
  positions: (length, fault, operation) => ((fault + operation) % 4 === 0 ? [(fault >> 2) % Math.max(1, length)] : []),
  lanes: 2,
});
