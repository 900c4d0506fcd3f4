export type * from './protocol/body-structure.ts';
export type * from './protocol/envelope.ts';
export { bodyStructureText } from './responses/body-structure.ts';
export { envelopeText } from './responses/envelope.ts';
