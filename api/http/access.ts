import type { User } from '../../lib/accounts/index.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import type { UserId } from '../../lib/kernel/ids.ts';

export type Resource =
  'users' | 'addresses' | 'mailboxes' | 'messages' | 'attachments' | 'authentication' | 'nodes' | 'health';
export type Action = 'create' | 'read' | 'update' | 'delete';

/** What a route is about; `own` routes are about the asker's token alone. */
export interface Access {
  readonly resource: Resource;
  readonly action: Action;
  readonly own?: true;
}

/** Who asks. */
export type Actor = { readonly role: 'root' } | { readonly role: 'user'; readonly user: User; readonly token: string };

const ALL: readonly Action[] = ['create', 'read', 'update', 'delete'];

/** What users may do with what is their own; root may do everything with everything. */
const OWN: Readonly<Record<Resource, readonly Action[]>> = {
  users: ['read', 'update'],
  addresses: ['read'],
  mailboxes: ALL,
  messages: ALL,
  attachments: ['read'],
  authentication: ['read', 'delete'],
  nodes: [],
  health: ['read'],
};

/** What users may change of their own row; the rest of it is for those who run the place. */
export const OWN_USER_FIELDS: ReadonlySet<string> = new Set([
  'existingPassword',
  'password',
  'name',
  'language',
  'metaData',
]);

/** @throws MailError `missing-privileges` where the role has nothing to do with the operation at all */
export function requirePrivilege(actor: Actor, access: Access, isAboutUser: boolean): void {
  if (actor.role === 'root') return;
  const isOwn = isAboutUser || access.own === true || access.resource === 'health';
  if (!isOwn || !OWN[access.resource].includes(access.action)) throw missingPrivileges();
}

/** Whether the actor may know that this user exists: another user's id is answered as if there were none. */
export function maySee(actor: Actor, user: UserId): boolean {
  return actor.role === 'root' || actor.user.id === user;
}

export function missingPrivileges(): MailError {
  return new MailError('missing-privileges', 'Not enough privileges');
}
