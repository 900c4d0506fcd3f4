import type { AccountId } from '../../kernel/ids.ts';
import { MailError } from '../../kernel/errors.ts';
import type { Mailboxes, UidRanges } from '../../journal/index.ts';
import { MaildropColumns, type MaildropMessage } from './maildrop-columns.ts';

/** Rows taken before the event loop gets a turn. */
const SLICE = 2000;

/**
 * INBOX as it was at log-in (RFC 1939 section 4). It holds no lock and nothing open: others may append and expunge;
 * numbers, sizes and unique ids stay, and content outlives an expunge.
 */
export class Maildrop {
  readonly #columns: MaildropColumns;
  /** One octet a message: 1 where it is marked as deleted. */
  readonly #isMarked: Uint8Array;
  #markedCount = 0;
  #markedOctets = 0;
  #suffixes: ReadonlyMap<number, string> | undefined;

  constructor(columns: MaildropColumns) {
    this.#columns = columns;
    this.#isMarked = new Uint8Array(columns.count);
  }

  /** Messages not marked as deleted. */
  get count(): number {
    return this.#columns.count - this.#markedCount;
  }

  /** Octets of the messages not marked as deleted. */
  get octets(): number {
    return this.#columns.octets - this.#markedOctets;
  }

  /** What is not marked as deleted, in order. */
  *live(): Generator<MaildropMessage> {
    for (let number = 1; number <= this.#columns.count; number += 1) {
      const message = this.find(number);
      if (message !== undefined) yield message;
    }
  }

  /** The message of that number, unless it is marked or there never was one. */
  find(number: number): MaildropMessage | undefined {
    return this.#isMarked[number - 1] === 0 ? this.#columns.message(number) : undefined;
  }

  mark(message: MaildropMessage): void {
    if (this.#isMarked[message.number - 1] !== 0) return;
    this.#isMarked[message.number - 1] = 1;
    this.#markedCount += 1;
    this.#markedOctets += message.crlfSize;
  }

  unmarkAll(): void {
    this.#isMarked.fill(0);
    this.#markedCount = 0;
    this.#markedOctets = 0;
  }

  /**
   * The message id; with `-2`, `-3`, … for later copies of it in the maildrop (RFC 1939 section 7 wants it unique
   * within the maildrop and the same in every session).
   */
  uniqueId(message: MaildropMessage): string {
    this.#suffixes ??= suffixesOf(this.#columns);
    return message.messageId + (this.#suffixes.get(message.number) ?? '');
  }

  /** UIDs of what is marked, as ranges that name nothing else. */
  marked(): UidRanges {
    const ranges: { from: number; to: number }[] = [];
    for (let number = 1; number <= this.#columns.count; number += 1) {
      if (this.#isMarked[number - 1] !== 1) continue;
      const { uid } = this.#columns.message(number);
      const last = ranges.at(-1);
      if (last?.to === uid - 1) last.to = uid;
      else ranges.push({ from: uid, to: uid });
    }
    return ranges;
  }
}

/** Endings of the unique ids of later copies, by number. */
function suffixesOf(columns: MaildropColumns): ReadonlyMap<number, string> {
  const seen = new Map<string, number>();
  const suffixes = new Map<number, string>();
  for (let number = 1; number <= columns.count; number += 1) {
    const { messageId } = columns.message(number);
    const copy = (seen.get(messageId) ?? 0) + 1;
    seen.set(messageId, copy);
    if (copy > 1) suffixes.set(number, `-${String(copy)}`);
  }
  return suffixes;
}

/** @throws MailError `unavailable`, `user-not-found` */
export async function openMaildrop(mailboxes: Pick<Mailboxes, 'find' | 'open'>, account: AccountId): Promise<Maildrop> {
  const inbox = await openInbox(mailboxes, account);
  try {
    const uids = inbox.uids();
    const columns = new MaildropColumns(uids.length);
    for (let index = 0; index < uids.length; index += 1) {
      const row = inbox.row(uids[index] ?? 0);
      // Gone since the list was taken: as if it had been gone before.
      if (row !== undefined) columns.add(row);
      if (index % SLICE === SLICE - 1) await new Promise((resolve) => setImmediate(resolve));
    }
    return new Maildrop(columns);
  } finally {
    inbox.close();
  }
}

/** Expunges what is marked by one record, whatever its flags; what others have expunged already is passed over. */
export async function expungeMarked(
  mailboxes: Pick<Mailboxes, 'find' | 'open'>,
  account: AccountId,
  maildrop: Maildrop,
  options: { readonly deadline: number },
): Promise<void> {
  const ranges = maildrop.marked();
  if (ranges.length === 0) return;
  const inbox = await openInbox(mailboxes, account);
  try {
    await inbox.expunge(ranges, { ...options, force: true });
  } finally {
    inbox.close();
  }
}

async function openInbox(
  mailboxes: Pick<Mailboxes, 'find' | 'open'>,
  account: AccountId,
): ReturnType<Mailboxes['open']> {
  const info = await mailboxes.find(account, 'INBOX');
  // Every account has one: without it something is wrong behind, and an empty maildrop would be a lie.
  if (info === undefined) throw new MailError('internal', 'Internal error, please try again later');
  return mailboxes.open(account, info.id, { isReadOnly: true });
}
