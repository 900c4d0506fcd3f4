export type * from './scanner.ts';
export { DEFAULT_MIME_LIMITS } from './scanner.ts';
export { createMimeScanner } from './mime-scanner.ts';
export { firstField, readHeaderFields, unfold } from './header-fields.ts';
export type { HeaderField, HeaderFields } from './header-fields.ts';
export { readParameterisedValue } from './parameterised-value.ts';
