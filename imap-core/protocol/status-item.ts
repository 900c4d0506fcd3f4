import type { MailboxInfo } from './mailbox.ts';

/** RFC 3501 section 6.3.10 and RFC 7162 section 3.1.7. */
export const STATUS_ITEMS = ['MESSAGES', 'RECENT', 'UIDNEXT', 'UIDVALIDITY', 'UNSEEN', 'HIGHESTMODSEQ'] as const;
export type StatusItem = (typeof STATUS_ITEMS)[number];

const VALUES: Readonly<Record<StatusItem, (info: MailboxInfo) => number>> = {
  MESSAGES: (info) => info.messages,
  RECENT: (info) => info.recent ?? 0,
  UIDNEXT: (info) => info.uidNext,
  UIDVALIDITY: (info) => info.uidValidity,
  UNSEEN: (info) => info.unseen,
  HIGHESTMODSEQ: (info) => info.highestModSeq,
};

export function statusValue(item: StatusItem, info: MailboxInfo): number {
  return VALUES[item](info);
}
