import { MemoryMailbox, type ModSeqSource } from './memory-mailbox.ts';
import { SessionError, type SpecialUse } from '../../../imap-core/index.ts';

/** What several sessions of one user share. */
export class MemoryAccount implements ModSeqSource {
  readonly password: string;
  modSeq = 1;
  #uidValidity = 1000;
  readonly mailboxes = new Map<string, MemoryMailbox>();
  readonly subscribed = new Set<string>();
  readonly contents = new Map<string, Buffer>();
  /** Next call of the operation fails with this. */
  readonly failures = new Map<string, Error>();
  readonly enders = new Set<(text: string) => void>();
  /** Sessions that were opened and not closed. */
  openSessions = 0;

  constructor(password: string) {
    this.password = password;
    this.create('INBOX');
  }

  create(path: string, specialUse?: SpecialUse): MemoryMailbox {
    const existing = this.mailboxes.get(path);
    if (existing?.isNoselect === false) throw new SessionError('ALREADYEXISTS', 'Mailbox exists');
    const slash = path.lastIndexOf('/');
    if (slash > 0 && !this.mailboxes.has(path.slice(0, slash))) this.create(path.slice(0, slash));
    this.#uidValidity += 1;
    const mailbox = new MemoryMailbox(path, this.#uidValidity, this, specialUse);
    this.mailboxes.set(path, mailbox);
    return mailbox;
  }

  remove(path: string): void {
    const mailbox = this.existing(path);
    if (path === 'INBOX') throw new SessionError('CANNOT', 'INBOX stays');
    const hasChildren = [...this.mailboxes.keys()].some((other) => other.startsWith(`${path}/`));
    if (hasChildren && mailbox.isNoselect) throw new SessionError('HASCHILDREN', 'Mailbox has children');
    this.mailboxes.delete(path);
    if (hasChildren) this.create(path).isNoselect = true;
    mailbox.deleted();
  }

  rename(from: string, to: string): void {
    const mailbox = this.existing(from);
    if (this.mailboxes.has(to)) throw new SessionError('ALREADYEXISTS', 'Mailbox exists');
    if (from === 'INBOX') {
      const target = this.create(to);
      mailbox.copy([{ from: 1, to: Infinity }], target);
      mailbox.expunge(undefined, true);
      return;
    }
    for (const [path, moved] of [...this.mailboxes]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.mailboxes.delete(path);
      const target = to + path.slice(from.length);
      this.mailboxes.set(target, moved);
      moved.rename(target);
    }
  }

  existing(path: string, code: 'NONEXISTENT' | 'TRYCREATE' = 'NONEXISTENT'): MemoryMailbox {
    const mailbox = this.mailboxes.get(path);
    if (mailbox === undefined) throw new SessionError(code, 'No such mailbox');
    return mailbox;
  }

  /** Throws what a test has laid in wait. */
  meet(operation: string): void {
    const failure = this.failures.get(operation);
    this.failures.delete(operation);
    if (failure !== undefined) throw failure;
  }
}
