import { diskFaults } from './disk.ts';

diskFaults(5);
