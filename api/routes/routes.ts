import type { Route } from '../http/define-route.ts';
import { createAddress } from './addresses/create-address.ts';
import { deleteUserAddress } from './addresses/delete-user-address.ts';
import { getUserAddress } from './addresses/get-user-address.ts';
import { listAddresses } from './addresses/list-addresses.ts';
import { listUserAddresses } from './addresses/list-user-addresses.ts';
import { resolveAddress } from './addresses/resolve-address.ts';
import { listArchived } from './archived/list-archived.ts';
import { restoreArchivedMessage } from './archived/restore-archived-message.ts';
import { restoreArchived } from './archived/restore-archived.ts';
import { authenticate } from './authentication/authenticate.ts';
import { getAuthenticated } from './authentication/get-authenticated.ts';
import { preauth } from './authentication/preauth.ts';
import { revokeToken } from './authentication/revoke-token.ts';
import { getHealth } from './health/get-health.ts';
import { createMailbox } from './mailboxes/create-mailbox.ts';
import { deleteMailbox } from './mailboxes/delete-mailbox.ts';
import { getMailbox } from './mailboxes/get-mailbox.ts';
import { listMailboxes } from './mailboxes/list-mailboxes.ts';
import { updateMailbox } from './mailboxes/update-mailbox.ts';
import { deleteMessage } from './messages/delete-message.ts';
import { deleteMessages } from './messages/delete-messages.ts';
import { getAttachment } from './messages/get-attachment.ts';
import { getMessageSource } from './messages/get-message-source.ts';
import { getMessage } from './messages/get-message.ts';
import { listMessages } from './messages/list-messages.ts';
import { updateMessage, updateMessages } from './messages/update-messages.ts';
import { uploadMessage } from './messages/upload-message.ts';
import { listBackgroundJobs } from './nodes/list-jobs.ts';
import { listNodes } from './nodes/list-nodes.ts';
import { createUser } from './users/create-user.ts';
import { deleteUser } from './users/delete-user.ts';
import { getUser } from './users/get-user.ts';
import { listUsers } from './users/list-users.ts';
import { resolveUser } from './users/resolve-user.ts';
import { updateUser } from './users/update-user.ts';

/** Every operation of the API; the document at /openapi.json is made of the same rows. */
export const routes: readonly Route[] = [
  getHealth,
  listNodes,
  listBackgroundJobs,
  authenticate,
  revokeToken,
  getAuthenticated,
  preauth,
  listUsers,
  createUser,
  resolveUser,
  getUser,
  updateUser,
  deleteUser,
  listAddresses,
  resolveAddress,
  createAddress,
  listUserAddresses,
  getUserAddress,
  deleteUserAddress,
  listMailboxes,
  createMailbox,
  getMailbox,
  updateMailbox,
  deleteMailbox,
  listMessages,
  uploadMessage,
  updateMessages,
  deleteMessages,
  getMessage,
  updateMessage,
  deleteMessage,
  listArchived,
  restoreArchivedMessage,
  restoreArchived,
  getMessageSource,
  getAttachment,
];
