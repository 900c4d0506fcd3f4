export type * from './scanner.ts';
export { DEFAULT_MIME_LIMITS } from './scanner.ts';
