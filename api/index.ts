export { createApiServer, type ApiServerOptions } from './create-api-server.ts';
export { apiSection } from './settings.ts';
export type { TlsCredentials } from './http/server.ts';
