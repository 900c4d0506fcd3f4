/** RFC 6154 section 2; spelled as clients see it. */
export type SpecialUse = '\\All' | '\\Archive' | '\\Drafts' | '\\Flagged' | '\\Junk' | '\\Sent' | '\\Trash';

/** A mailbox's header at one moment: what LIST and STATUS tell, without a look at any message. */
export interface MailboxInfo {
  /** Levels joined by `/`, in Unicode; `INBOX` in capitals. */
  readonly path: string;
  readonly specialUse: SpecialUse | undefined;
  /** True where the name stands only for its children (`\Noselect`). */
  readonly isNoselect: boolean;
  readonly isSubscribed: boolean;
  readonly uidValidity: number;
  readonly uidNext: number;
  /** Never 0 where CONDSTORE is offered (RFC 7162 section 3.1.2.1); an empty mailbox may say 1. */
  readonly highestModSeq: number;
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  /** Sum of the sizes of the messages, in octets (STATUS SIZE, RFC 8438). */
  readonly octets: number;
  /** Keywords in use or once used in the mailbox. */
  readonly keywords: readonly string[];
  /** Messages that no session has been told of as `\Recent`; 0 where storage does not keep it. */
  readonly recent?: number;
}

/** Between the levels of a mailbox's name, for every mailbox. */
export const HIERARCHY_DELIMITER = '/';

const SPECIAL_USES: readonly SpecialUse[] = [
  '\\All',
  '\\Archive',
  '\\Drafts',
  '\\Flagged',
  '\\Junk',
  '\\Sent',
  '\\Trash',
];

/** The special use of that name, in any case; undefined for others. */
export function specialUseOf(name: string): SpecialUse | undefined {
  const wanted = name.toLowerCase();
  return SPECIAL_USES.find((use) => use.toLowerCase() === wanted);
}
