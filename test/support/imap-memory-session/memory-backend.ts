import { createHash } from 'node:crypto';
import {
  type AppendMessage,
  type AppendResult,
  type ImapBackend,
  type MailboxEvent,
  type MailboxInfo,
  type MessageContent,
  type MessageDigest,
  type MessageRow,
  type SelectedMailbox,
  type Session,
  SessionError,
  type SpecialUse,
  type TextTerm,
} from '../../../imap-core/index.ts';
import { MemoryAccount } from './memory-account.ts';
import type { MemoryMailbox } from './memory-mailbox.ts';
import { naiveParts } from './naive-parts.ts';

const APPEND_LIMIT = 64 * 1024 * 1024;

/** A whole mail store in memory, for tests of imap-core: what it passes needs nothing of ours but the contract. */
export class MemoryBackend implements ImapBackend {
  readonly accounts = new Map<string, MemoryAccount>();

  addAccount(username: string, password: string): MemoryAccount {
    const account = new MemoryAccount(password);
    this.accounts.set(username, account);
    return account;
  }

  async authenticate(username: string, password: string): Promise<Session> {
    const account = this.accounts.get(username);
    account?.meet('authenticate');
    if (account?.password !== password) throw new SessionError('AUTHENTICATIONFAILED', 'Wrong user name or password');
    return new MemorySession(username, account);
  }
}

class MemorySession implements Session {
  readonly username: string;
  readonly limits = { appendOctets: APPEND_LIMIT, keywordsPerMailbox: 100 };
  readonly #account: MemoryAccount;
  #ender: ((text: string) => void) | undefined;

  constructor(username: string, account: MemoryAccount) {
    this.username = username;
    this.#account = account;
    account.openSessions += 1;
  }

  async list(): Promise<readonly MailboxInfo[]> {
    this.#account.meet('list');
    return [...this.#account.mailboxes.values()]
      .map((mailbox) => this.#infoOf(mailbox))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async find(path: string): Promise<MailboxInfo | undefined> {
    const mailbox = this.#account.mailboxes.get(path);
    return mailbox === undefined ? undefined : this.#infoOf(mailbox);
  }

  async subscriptions(): Promise<readonly string[]> {
    return [...this.#account.subscribed].sort();
  }

  async setSubscribed(path: string, isSubscribed: boolean): Promise<void> {
    if (isSubscribed) this.#account.subscribed.add(path);
    else this.#account.subscribed.delete(path);
  }

  async create(path: string, specialUse: SpecialUse | undefined): Promise<void> {
    this.#account.meet('create');
    this.#account.create(path, specialUse);
  }

  async remove(path: string): Promise<void> {
    this.#account.remove(path);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#account.rename(from, to);
  }

  async open(path: string, isReadOnly: boolean): Promise<SelectedMailbox> {
    const mailbox = this.#account.existing(path);
    if (mailbox.isNoselect) throw new SessionError('NONEXISTENT', 'Mailbox cannot be selected');
    const selected = new MemorySelected(this.#account, mailbox);
    if (!isReadOnly) mailbox.recentFrom = mailbox.uidNext;
    return selected;
  }

  async checkAppend(path: string): Promise<void> {
    this.#account.meet('checkAppend');
    this.#account.existing(path, 'TRYCREATE');
  }

  async append(path: string, message: AppendMessage): Promise<AppendResult> {
    const pieces: Buffer[] = [];
    for await (const piece of message.octets) pieces.push(Buffer.from(piece));
    this.#account.meet('append');
    const octets = Buffer.concat(pieces);
    const messageId = createHash('sha256').update(octets).digest('hex').slice(0, 32);
    this.#account.contents.set(messageId, octets);
    const mailbox = this.#account.existing(path, 'TRYCREATE');
    const internalDate = message.internalDate ?? { at: Date.UTC(2026, 0, 2, 3, 4, 5), zoneMinutes: 0 };
    const date = /^Date: (.*)$/m.exec(octets.toString('latin1'))?.[1];
    const sentDate = date === undefined ? undefined : { at: Date.parse(date), zoneMinutes: 0 };
    const row = { messageId, flags: message.flags, size: octets.length, internalDate, sentDate };
    const [uid = 0] = mailbox.append([row]);
    return { uidValidity: mailbox.uidValidity, uid };
  }

  onEnd(listener: (text: string) => void): void {
    this.#ender = listener;
    this.#account.enders.add(listener);
  }

  close(): void {
    this.#account.openSessions -= 1;
    if (this.#ender !== undefined) this.#account.enders.delete(this.#ender);
  }

  #infoOf(mailbox: MemoryMailbox): MailboxInfo {
    return mailbox.info(this.#account.subscribed.has(mailbox.path));
  }
}

class MemorySelected implements SelectedMailbox {
  readonly recentFrom: number;
  readonly #account: MemoryAccount;
  readonly #mailbox: MemoryMailbox;
  #listener: ((event: MailboxEvent) => void) | undefined;

  constructor(account: MemoryAccount, mailbox: MemoryMailbox) {
    this.#account = account;
    this.#mailbox = mailbox;
    this.recentFrom = mailbox.recentFrom;
  }

  info(): MailboxInfo {
    return this.#mailbox.info(this.#account.subscribed.has(this.#mailbox.path));
  }

  uids(): Uint32Array {
    return this.#mailbox.uids();
  }

  row(uid: number): MessageRow | undefined {
    return this.#mailbox.row(uid);
  }

  columns(): ReturnType<MemoryMailbox['columns']> {
    return this.#mailbox.columns();
  }

  onEvent(listener: (event: MailboxEvent) => void): void {
    this.#listener = listener;
    this.#mailbox.listeners.add(listener);
  }

  async refresh(): Promise<void> {
    this.#account.meet('refresh');
  }

  async storeFlags(
    ...[uids, change, options]: Parameters<SelectedMailbox['storeFlags']>
  ): ReturnType<SelectedMailbox['storeFlags']> {
    this.#account.meet('storeFlags');
    return this.#mailbox.storeFlags(uids, change, options?.unchangedSince ?? Infinity);
  }

  async expunge(uids: Parameters<SelectedMailbox['expunge']>[0]): ReturnType<SelectedMailbox['expunge']> {
    this.#account.meet('expunge');
    return { uids: this.#mailbox.expunge(uids, false), modseq: this.#mailbox.highestModSeq };
  }

  async copy(...[uids, path]: Parameters<SelectedMailbox['copy']>): ReturnType<SelectedMailbox['copy']> {
    this.#account.meet('copy');
    return this.#mailbox.copy(uids, this.#account.existing(path, 'TRYCREATE'));
  }

  async move(...[uids, path]: Parameters<SelectedMailbox['move']>): ReturnType<SelectedMailbox['move']> {
    const result = this.#mailbox.copy(uids, this.#account.existing(path, 'TRYCREATE'));
    this.#mailbox.expunge(uids, true);
    return result;
  }

  async openMessage(row: MessageRow): Promise<MessageContent> {
    this.#account.meet('openMessage');
    const octets = this.#octetsOf(row);
    const account = this.#account;
    return {
      size: octets.length,
      parts: naiveParts(octets),
      range: async function* (start, end) {
        for (let at = start; at < end; at += 1000) {
          if (at > start) account.meet('range');
          yield octets.subarray(at, Math.min(end, at + 1000));
        }
      },
    };
  }

  /** Two at a time. */
  async *digests(
    messages: Iterable<Pick<MessageRow, 'messageId'>>,
  ): AsyncIterable<readonly (MessageDigest | undefined)[]> {
    let some: (MessageDigest | undefined)[] = [];
    for (const { messageId } of messages) {
      some.push(this.#digestOf(messageId));
      if (some.length < 2) continue;
      yield some;
      some = [];
    }
    yield some;
  }

  #digestOf(messageId: string): MessageDigest | undefined {
    const octets = this.#account.contents.get(messageId)?.toString('latin1');
    if (octets === undefined) return undefined;
    const subject = /^Subject: (.*)\r$/m.exec(octets)?.[1] ?? '';
    const plain = `"TEXT" "PLAIN" NIL NIL NIL "7BIT" ${octets.length} 1`;
    return {
      envelope: Buffer.from(`(NIL "${subject}" NIL NIL NIL NIL NIL NIL NIL NIL)`),
      bodyStructure: Buffer.from(`(${plain} NIL NIL NIL NIL)`),
      body: Buffer.from(`(${plain})`),
    };
  }

  async *matchText(
    rows: readonly MessageRow[],
    terms: readonly TextTerm[],
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    for (const row of rows) {
      signal.throwIfAborted();
      if (this.#account.failures.has('stallSearch')) await stalled(signal);
      const text = this.#octetsOf(row).toString('utf8');
      yield Uint8Array.from(terms, (term) => (matchesTerm(text, term) ? 1 : 0));
    }
  }

  close(): void {
    if (this.#listener !== undefined) this.#mailbox.listeners.delete(this.#listener);
  }

  #octetsOf(row: MessageRow): Buffer {
    const octets = this.#account.contents.get(row.messageId);
    if (octets === undefined) throw new SessionError('NONEXISTENT', 'Message data is gone');
    return octets;
  }
}

async function stalled(signal: AbortSignal): Promise<void> {
  await new Promise<void>((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

function matchesTerm(text: string, term: TextTerm): boolean {
  const split = text.indexOf('\r\n\r\n');
  const header = text
    .slice(0, split)
    .replace(/\r\n[ \t]/g, ' ')
    .toLowerCase();
  const value = term.value.toLowerCase();
  if (term.kind === 'text') return text.toLowerCase().includes(value);
  if (term.kind === 'body') return text.slice(split).toLowerCase().includes(value);
  const prefix = `${term.field.toLowerCase()}:`;
  return header.split('\r\n').some((line) => line.startsWith(prefix) && line.slice(prefix.length).includes(value));
}
