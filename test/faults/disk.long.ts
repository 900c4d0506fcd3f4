import { diskFaults } from './disk.ts';

diskFaults(100);
