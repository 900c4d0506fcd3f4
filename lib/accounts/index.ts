export type * from './accounts.ts';
export type { PasswordHasher } from './password-hasher.ts';
export { accountsSection } from './settings.ts';
export { FIRST_MAILBOXES } from './create-user.ts';
export { createAccounts } from './create-accounts.ts';
export { accountCollections } from './collections.ts';
export { createUserTransfer, type CarriedUser, type UserClaim, type UserTransfer } from './transfer-users.ts';
