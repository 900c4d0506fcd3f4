import type { AccountId, MessageId, Uid } from '../../kernel/ids.ts';
import { MailError } from '../../kernel/errors.ts';
import type { Mailboxes, UidRanges } from '../../journal/index.ts';

/** One message as it was at log-in. */
export interface MaildropMessage {
  /** From 1; never shifts. */
  readonly number: number;
  readonly uid: Uid;
  readonly messageId: MessageId;
  /** Octets with CRLF line ends. */
  readonly crlfSize: number;
}

/** Rows taken before the event loop gets a turn. */
const SLICE = 2000;

/**
 * INBOX as it was at log-in (RFC 1939 section 4). It holds no lock and nothing open: others may append and expunge;
 * numbers, sizes and unique ids stay, and content outlives an expunge.
 */
export class Maildrop {
  readonly #messages: readonly MaildropMessage[];
  readonly #marked = new Set<number>();
  readonly #allOctets: number;
  #markedOctets = 0;
  #uniqueIds: readonly string[] | undefined;

  constructor(messages: readonly MaildropMessage[]) {
    this.#messages = messages;
    this.#allOctets = messages.reduce((sum, message) => sum + message.crlfSize, 0);
  }

  /** Messages not marked as deleted. */
  get count(): number {
    return this.#messages.length - this.#marked.size;
  }

  /** Octets of the messages not marked as deleted. */
  get octets(): number {
    return this.#allOctets - this.#markedOctets;
  }

  live(): readonly MaildropMessage[] {
    return this.#marked.size === 0 ? this.#messages : this.#messages.filter(({ number }) => !this.#marked.has(number));
  }

  /** The message of that number, unless it is marked or there never was one. */
  find(number: number): MaildropMessage | undefined {
    return this.#marked.has(number) ? undefined : this.#messages[number - 1];
  }

  mark(message: MaildropMessage): void {
    if (this.#marked.has(message.number)) return;
    this.#marked.add(message.number);
    this.#markedOctets += message.crlfSize;
  }

  unmarkAll(): void {
    this.#marked.clear();
    this.#markedOctets = 0;
  }

  /**
   * The message id; `-2`, `-3`, … for later copies of it in the maildrop (RFC 1939 section 7 wants it unique within
   * the maildrop and the same in every session).
   */
  uniqueId(message: MaildropMessage): string {
    this.#uniqueIds ??= uniqueIds(this.#messages);
    return this.#uniqueIds[message.number - 1] ?? message.messageId;
  }

  /** UIDs of what is marked, as ranges that name nothing else. */
  marked(): UidRanges {
    const ranges: { from: number; to: number }[] = [];
    for (const { number, uid } of this.#messages) {
      if (!this.#marked.has(number)) continue;
      const last = ranges.at(-1);
      if (last?.to === uid - 1) last.to = uid;
      else ranges.push({ from: uid, to: uid });
    }
    return ranges;
  }
}

function uniqueIds(messages: readonly MaildropMessage[]): readonly string[] {
  const seen = new Map<string, number>();
  return messages.map(({ messageId }) => {
    const copy = (seen.get(messageId) ?? 0) + 1;
    seen.set(messageId, copy);
    return copy === 1 ? messageId : `${messageId}-${String(copy)}`;
  });
}

/** @throws MailError `unavailable`, `user-not-found` */
export async function openMaildrop(mailboxes: Pick<Mailboxes, 'find' | 'open'>, account: AccountId): Promise<Maildrop> {
  const inbox = await openInbox(mailboxes, account);
  try {
    const uids = inbox.uids();
    const messages: MaildropMessage[] = [];
    for (let index = 0; index < uids.length; index += 1) {
      const row = inbox.row(uids[index] ?? 0);
      // Gone since the list was taken: as if it had been gone before.
      if (row !== undefined) {
        const { uid, messageId, crlfSize } = row;
        messages.push({ number: messages.length + 1, uid, messageId, crlfSize });
      }
      if (index % SLICE === SLICE - 1) await new Promise((resolve) => setImmediate(resolve));
    }
    return new Maildrop(messages);
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
