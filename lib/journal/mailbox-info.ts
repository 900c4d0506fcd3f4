import type { AccountState, MailboxHeader } from './account-state.ts';
import type { MailboxInfo } from './journal.ts';
import { comparePaths } from './mailbox-path.ts';

/** A header as the front ends see it. */
export function infoOf(header: MailboxHeader, state: AccountState): MailboxInfo {
  const {
    id,
    path,
    specialUse,
    isNoselect,
    uidValidity,
    uidNext,
    highestModSeq,
    messages,
    unseen,
    deleted,
    octets,
    keywords,
    createdAt,
  } = header;
  return {
    id,
    path,
    specialUse,
    isNoselect,
    isSubscribed: state.subscriptions.has(path),
    uidValidity,
    uidNext,
    highestModSeq,
    messages,
    unseen,
    deleted,
    octets,
    keywords: keywords.names,
    createdAt,
  };
}

/** INBOX first, then by path. */
export function listOf(state: AccountState): MailboxInfo[] {
  return [...state.mailboxes.values()]
    .sort((a, b) => comparePaths(a.path, b.path))
    .map((header) => infoOf(header, state));
}
