export type * from './journal.ts';
export { SystemFlag } from './journal.ts';
