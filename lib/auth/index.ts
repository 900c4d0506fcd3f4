export type * from './auth.ts';
export { authSection } from './settings.ts';
export { createPasswordHasher, type Argon2Parameters } from './argon2-password-hasher.ts';
export { createMemoryLoginLimiter, type LoginLimits, type MemoryLoginLimiterOptions } from './memory-login-limiter.ts';
export type { AdmittedLogin, LoginLimiter, LoginOutcome } from './login-limiter.ts';
export { createAuth, type AuthOptions } from './create-auth.ts';
export {
  createAccessTokens,
  prepareAccessTokens,
  type AccessTokens,
  type AccessTokensOptions,
} from './access-tokens.ts';
