import { faultMatrix } from './fault-matrix.ts';

faultMatrix({
  name: 'a replica set in trouble, at every command',
  positions: (length) => Array.from({ length }, (_, at) => at),
  lanes: 3,
});
