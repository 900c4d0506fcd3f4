export type * from './addresses.ts';
