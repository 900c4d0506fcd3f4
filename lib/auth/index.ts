export type * from './auth.ts';
export { authSection } from './settings.ts';
export { createPasswordHasher } from './argon2-password-hasher.ts';
export { createMemoryLoginLimiter } from './memory-login-limiter.ts';
export type { LoginLimiter } from './login-limiter.ts';
export { createAuth } from './create-auth.ts';
export { createAccessTokens, prepareAccessTokens, type AccessTokens } from './access-tokens.ts';
export { authCollections } from './collections.ts';
