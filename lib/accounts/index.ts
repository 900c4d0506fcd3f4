export type * from './accounts.ts';
export type { PasswordHasher } from './password-hasher.ts';
export { accountsSection } from './settings.ts';
export { createAccounts, type AccountsOptions } from './create-accounts.ts';
