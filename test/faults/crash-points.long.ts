import { CRASHES, MORE_CRASHES } from './crash-cases.ts';
import { crashSuite } from './crash-suite.ts';

crashSuite('kill -9 at every crash point, by every command', [...CRASHES, ...MORE_CRASHES]);
