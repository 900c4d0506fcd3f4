import type { AppendMessage, AppendResult, SelectedMailbox, Session, SessionLimits } from '../../../imap-core/index.ts';
import type { User } from '../../accounts/index.ts';
import type { MailboxInfo, SpecialUse } from '../../journal/index.ts';
import { crashPoint } from '../../kernel/crash-point.ts';
import { MailError } from '../../kernel/errors.ts';
import type { ImapRooms } from './rooms.ts';
import { MailboxView } from './mailbox-view.ts';
import { translated, translatedForTarget } from './session-errors.ts';

/** One log-in over IMAP: every call goes to the account of the user who logged in, and to no other. */
export class MailSession implements Session {
  readonly username: string;
  readonly limits: SessionLimits;
  readonly #rooms: ImapRooms;
  readonly #user: User;
  readonly #onClose: () => void;

  constructor(rooms: ImapRooms, user: User, limits: SessionLimits, onClose: () => void) {
    this.#rooms = rooms;
    this.#user = user;
    this.#onClose = onClose;
    this.username = user.username;
    this.limits = limits;
  }

  async list(): Promise<readonly MailboxInfo[]> {
    return translated(() => this.#rooms.mailboxes.list(this.#user.account));
  }

  async find(path: string): Promise<MailboxInfo | undefined> {
    return translated(() => this.#rooms.mailboxes.find(this.#user.account, path));
  }

  async subscriptions(): Promise<readonly string[]> {
    return translated(() => this.#rooms.mailboxes.subscriptions(this.#user.account));
  }

  async setSubscribed(path: string, isSubscribed: boolean): Promise<void> {
    await translated(() => this.#rooms.mailboxes.setSubscribed(this.#user.account, path, isSubscribed));
  }

  async create(path: string, specialUse: SpecialUse | undefined): Promise<void> {
    const options = specialUse === undefined ? {} : { specialUse };
    await translated(() => this.#rooms.mailboxes.create(this.#user.account, path, options));
  }

  async remove(path: string): Promise<void> {
    await translated(() => this.#rooms.mailboxes.remove(this.#user.account, path));
  }

  async rename(from: string, to: string): Promise<void> {
    await translated(() => this.#rooms.mailboxes.rename(this.#user.account, from, to));
  }

  async open(path: string, isReadOnly: boolean): Promise<SelectedMailbox> {
    return translated(async () => {
      const mailbox = await this.#rooms.mailboxes.open(this.#user.account, { path }, { isReadOnly });
      return new MailboxView(this.#rooms, this.#user.account, mailbox);
    });
  }

  async checkAppend(path: string, size: number): Promise<void> {
    await translatedForTarget(async () => {
      if (size > this.limits.appendOctets) throw new MailError('too-big', 'Message is larger than this server takes');
      const info = await this.#rooms.mailboxes.find(this.#user.account, path);
      if (info === undefined || info.isNoselect) throw new MailError('mailbox-not-found', 'No such mailbox');
      const { octets, quotaOctets } = await this.#rooms.mailboxes.usage(this.#user.account);
      if (quotaOctets > 0 && octets + size > quotaOctets)
        throw new MailError('over-quota', 'Message does not fit into the quota');
    });
  }

  async append(path: string, message: AppendMessage): Promise<AppendResult> {
    const { mailboxes, messages, clock } = this.#rooms;
    const { account } = this.#user;
    return translatedForTarget(async () => {
      const ingested = await messages.ingest(message.octets, { maxOctets: this.limits.appendOctets });
      try {
        const now = clock.now();
        const stored = await messages.store(account, ingested, {
          origin: { kind: 'append' },
          prefix: Buffer.alloc(0),
          q: mailboxes.knownQ(account),
          now,
        });
        crashPoint('append.stored');
        const result = await mailboxes.append(account, { path }, [
          {
            messageId: stored.messageId,
            size: stored.size,
            crlfSize: stored.crlfSize,
            flags: message.flags,
            internalDate: message.internalDate ?? { at: now, zoneMinutes: 0 },
            sentDate: stored.sentAt,
            thread: stored.thread,
          },
        ]);
        crashPoint('append.committed');
        return { uidValidity: result.uidValidity, uid: result.uids[0] ?? 0 };
      } finally {
        await ingested.dispose();
      }
    });
  }

  onEnd(): void {
    // A removed account ends its selected mailboxes by an event; elsewhere the next command finds it gone.
  }

  close(): void {
    this.#onClose();
  }
}
