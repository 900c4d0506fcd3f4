import { setTimeout as sleep } from 'node:timers/promises';
import type { ImapClient, ImapResult } from '../support/imap-client.ts';
import { LaneConnections } from './lane-connections.ts';
import { LmtpTry } from './lane-delivery.ts';
import type { Operation } from './lane-operations.ts';
import { flagsText, type Copy, type Ledger, type Outcome, type TrackedMessage } from './ledger.ts';
import { holds, messageOctets } from './message-octets.ts';
import { within } from './patience.ts';
import type { Site, SiteNode } from './site.ts';

/** Answers that trouble behind the scenes may give; whatever else is no OK is wrong in kind (P9). */
const TEMPORARY = /^NO \[UNAVAILABLE\]|^BYE/;
const FLAGS = ['\\Seen', '\\Flagged', '\\Answered', 'alpha', 'beta'] as const;
const BOXES = 3;

export interface LaneParts {
  readonly site: Site;
  readonly ledger: Ledger;
  readonly username: string;
  readonly userId: string;
  readonly lane: number;
  /** Octets that several messages have as an attachment. */
  readonly shared: readonly Buffer[];
  /** An address whose mailbox is full. */
  readonly full: string;
}

/** One client at work: one operation after the other, each entered into the ledger with what became of it. */
export class Lane {
  readonly #parts: LaneParts;
  readonly #connections: LaneConnections;
  /** Messages whose place is certain; those in doubt are left alone from then on. */
  #own: TrackedMessage[] = [];
  /** Paths by slot; undefined: none at the moment. */
  readonly #boxes: (string | undefined)[] = Array.from({ length: BOXES }, () => undefined);
  #unanswered: TrackedMessage[] = [];
  #serial = 0;

  constructor(parts: LaneParts) {
    this.#parts = parts;
    this.#connections = new LaneConnections(parts.username, parts.ledger.checks);
  }

  async run(operations: readonly Operation[], isOver: () => boolean = () => false): Promise<void> {
    for (const operation of operations) {
      if (isOver()) break;
      await this.#perform(operation);
    }
  }

  /** Tries deliveries that were not answered until they are; then each must be there once (I2). */
  async retryDeliveries(): Promise<void> {
    for (const message of this.#unanswered.splice(0)) {
      for (let tries = 0; tries < 100 && isDoubtful(message); tries += 1) {
        if (tries > 0) await sleep(100);
        await this.#deliver(message, this.#parts.lane + tries);
      }
      this.#parts.ledger.checks.that('I2', !isDoubtful(message), () => `${message.id} could not be delivered again`);
    }
  }

  /** Appends to INBOX by just this node, a message each time until one is acknowledged. */
  async appendAt(node: SiteNode): Promise<void> {
    for (let tries = 0; tries < 100; tries += 1) {
      if (tries > 0) await sleep(100);
      if ((await this.#appendBy(node, this.#newMessage(1, false), 'INBOX', [])) === 'acknowledged') return;
    }
  }

  close(): void {
    this.#connections.close();
  }

  async #perform({ kind, node, a, b }: Operation): Promise<void> {
    switch (kind) {
      case 'deliver':
        return this.#deliver(this.#newMessage(a, true), node);
      case 'append':
        return this.#append(
          this.#newMessage(a, false),
          this.#path(b),
          node,
          FLAGS.filter((_, bit) => ((b >> bit) & 1) === 1),
        );
      case 'upload':
        return this.#upload(this.#newMessage(a, false), node);
      case 'store':
        return this.#store(this.#some(a), node, b);
      case 'copy':
      case 'move':
        return this.#transfer(kind, this.#some(a), this.#path(b), node);
      case 'expunge':
        return this.#expunge(this.#some(a), node);
      case 'create':
        return this.#create(a % BOXES, node);
      case 'rename':
        return this.#rename(a % BOXES, node);
      case 'delete':
        return this.#delete(a % BOXES, node);
      case 'fetch':
        return this.#fetch(this.#some(a).at(0), node);
    }
  }

  // ---- operations -------------------------------------------------------------------------------

  async #deliver(message: TrackedMessage, at: number): Promise<void> {
    const { site, ledger, username, full } = this.#parts;
    const what = `deliver ${message.id}`;
    const address = `${username}@example.com`;
    let outcome: Outcome = 'refused';
    let reply = '';
    try {
      const node = site.node(at);
      const client = await this.#connections.lmtp(node);
      if (client !== undefined) {
        const result = await new LmtpTry({ client, checks: ledger.checks, what, address, full }).run(message.octets);
        ({ outcome, reply } = result);
        if (result.isBroken) this.#connections.dropLmtp(node);
      }
    } catch (error) {
      reply = String(error);
    }
    // What an earlier try left in doubt a refusal does not settle.
    if (outcome === 'refused' && message.doubt !== undefined) outcome = 'unknown';
    if (outcome === 'unknown') this.#unanswered.push(message);
    this.#enter(what, outcome, reply, new Map([[message, [{ mailbox: 'INBOX', flags: '' }]]]));
  }

  async #append(message: TrackedMessage, path: string, at: number, flags: readonly string[]): Promise<void> {
    await this.#appendBy(this.#parts.site.node(at), message, path, flags);
  }

  #appendBy(node: SiteNode, message: TrackedMessage, path: string, flags: readonly string[]): Promise<Outcome> {
    const copies = [{ mailbox: path, flags: flagsText(flags) }];
    return this.#command(node, `append ${message.id} to ${path}`, new Map([[message, copies]]), async (client) => {
      const result = await client.append(path, message.octets, `(${flags.join(' ')}) `);
      const uid = /\[APPENDUID (\d+) (\d+)\]/.exec(result.tagged);
      if (uid !== null) this.#parts.ledger.sight(Number(uid[1]), Number(uid[2]), message.id);
      return result;
    });
  }

  async #upload(message: TrackedMessage, at: number): Promise<void> {
    const { site, userId } = this.#parts;
    const what = `upload ${message.id}`;
    let outcome: Outcome = 'refused';
    let reply = '';
    let isSent = false;
    try {
      const api = site.node(at).api();
      const inbox = await within(api.mailboxId(userId, 'INBOX'));
      isSent = true;
      const answer = await within(
        api.call('POST', `/users/${userId}/mailboxes/${inbox}/messages?unseen=true`, message.octets, 'message/rfc822'),
      );
      reply = String(answer.status);
      outcome = answer.status < 300 ? 'acknowledged' : answer.status === 503 ? 'unknown' : 'refused';
      this.#checkReply(what, reply, /^2|^503/);
    } catch (error) {
      reply = String(error);
      if (isSent) outcome = 'unknown';
      // A node that is frozen says nothing at all, which is no wrong answer.
      else this.#checkReply(what, reply, /503|fetch failed|terminated|other side closed|no answer within/);
    }
    this.#enter(what, outcome, reply, new Map([[message, [{ mailbox: 'INBOX', flags: '' }]]]));
  }

  async #store(messages: readonly TrackedMessage[], at: number, b: number): Promise<void> {
    const mode = ['+', '-', ''][b % 3] ?? '';
    const flags = FLAGS.filter((_, bit) => ((b >> (4 + bit)) & 1) === 1);
    const changed = (copy: Copy): Copy => {
      const now = copy.flags.split(' ').filter((flag) => flag !== '');
      const next =
        mode === '+' ? [...now, ...flags] : mode === '-' ? now.filter((flag) => !flags.includes(flag as never)) : flags;
      return { ...copy, flags: flagsText(next) };
    };
    await this.#onUids('store', messages, at, changed, (uids) => `UID STORE ${uids} ${mode}FLAGS (${flags.join(' ')})`);
  }

  async #transfer(kind: 'copy' | 'move', messages: readonly TrackedMessage[], to: string, at: number): Promise<void> {
    if (kind === 'move' && messages[0]?.copies[0]?.mailbox === to) return;
    const moved = (copy: Copy): readonly Copy[] =>
      kind === 'copy' ? [copy, { ...copy, mailbox: to }] : [{ ...copy, mailbox: to }];
    await this.#onUids(kind, messages, at, moved, (uids) => `UID ${kind.toUpperCase()} ${uids} "${to}"`);
  }

  async #expunge(messages: readonly TrackedMessage[], at: number): Promise<void> {
    const flagged = (copy: Copy): Copy => ({
      ...copy,
      flags: flagsText([...copy.flags.split(' ').filter(Boolean), '\\Deleted']),
    });
    const marked = await this.#onUids(
      'store \\Deleted',
      messages,
      at,
      flagged,
      (uids) => `UID STORE ${uids} +FLAGS (\\Deleted)`,
    );
    if (marked)
      await this.#onUids(
        'expunge',
        messages,
        at,
        () => [],
        (uids) => `UID EXPUNGE ${uids}`,
      );
  }

  async #create(slot: number, at: number): Promise<void> {
    if (this.#boxes[slot] !== undefined) return;
    this.#serial += 1;
    const path = `lane${String(this.#parts.lane)}-${String(this.#serial)}`;
    const outcome = await this.#command(this.#parts.site.node(at), `create ${path}`, new Map(), (client) =>
      client.command(`CREATE "${path}"`),
    );
    this.#parts.ledger.mailboxes.set(path, known(outcome, true, false));
    if (outcome === 'acknowledged') this.#boxes[slot] = path;
  }

  async #rename(slot: number, at: number): Promise<void> {
    const from = this.#certainBox(slot);
    if (from === undefined) return;
    this.#serial += 1;
    const to = `lane${String(this.#parts.lane)}-${String(this.#serial)}`;
    const renamed = (copy: Copy): Copy => (copy.mailbox === from ? { ...copy, mailbox: to } : copy);
    const after = new Map(this.#within(from).map((message) => [message, message.copies.map(renamed)]));
    const outcome = await this.#command(this.#parts.site.node(at), `rename ${from} ${to}`, after, (client) =>
      client.command(`RENAME "${from}" "${to}"`),
    );
    const { mailboxes } = this.#parts.ledger;
    mailboxes.set(from, known(outcome, false, true)).set(to, known(outcome, true, false));
    if (outcome !== 'refused') this.#boxes[slot] = outcome === 'acknowledged' ? to : undefined;
  }

  async #delete(slot: number, at: number): Promise<void> {
    const path = this.#certainBox(slot);
    if (path === undefined) return;
    const after = new Map(
      this.#within(path).map((message) => [message, message.copies.filter(({ mailbox }) => mailbox !== path)]),
    );
    const outcome = await this.#command(this.#parts.site.node(at), `delete ${path}`, after, (client) =>
      client.command(`DELETE "${path}"`),
    );
    this.#parts.ledger.mailboxes.set(path, known(outcome, false, true));
    if (outcome !== 'refused') this.#boxes[slot] = undefined;
  }

  /** Reads a message back: what one node acknowledged another shows at once, to the octet. */
  async #fetch(message: TrackedMessage | undefined, at: number): Promise<void> {
    const mailbox = message?.copies[0]?.mailbox;
    if (message === undefined || mailbox === undefined) return;
    await this.#command(this.#parts.site.node(at), `fetch ${message.id}`, new Map(), async (client) => {
      const found = await this.#find(client, mailbox, [message]);
      if (typeof found !== 'string') return found;
      const result = await client.command(`UID FETCH ${found} (BODY.PEEK[])`);
      for (const { literals } of result.untagged)
        if (literals[0] !== undefined)
          this.#parts.ledger.checks.that(
            'I8',
            holds(message, literals[0]),
            () => `${message.id} reads as other octets`,
          );
      return result;
    });
  }

  // ---- how they are asked and answered ------------------------------------------------------------

  /**
   * An operation on all copies that the messages have in the mailbox of the first one's first copy. The UIDs are looked
   * for first, on the node that is asked, which must know of everything acknowledged.
   */
  async #onUids(
    kind: string,
    messages: readonly TrackedMessage[],
    at: number,
    change: (copy: Copy) => Copy | readonly Copy[],
    command: (uids: string) => string,
  ): Promise<boolean> {
    const mailbox = messages[0]?.copies[0]?.mailbox;
    if (mailbox === undefined) return false;
    const concerned = messages.filter(({ copies }) => copies.some((copy) => copy.mailbox === mailbox));
    const after = new Map(
      concerned.map((message) => [
        message,
        message.copies.flatMap((copy) => (copy.mailbox === mailbox ? change(copy) : [copy])),
      ]),
    );
    const what = `${kind} ${concerned.map(({ id }) => id).join()} in ${mailbox}`;
    const outcome = await this.#command(this.#parts.site.node(at), what, after, async (client) => {
      const found = await this.#find(client, mailbox, concerned);
      return typeof found === 'string' ? client.command(command(found)) : found;
    });
    return outcome === 'acknowledged';
  }

  /** @returns the UIDs as a set, or the answer that stands in the way */
  async #find(client: ImapClient, mailbox: string, messages: readonly TrackedMessage[]): Promise<string | ImapResult> {
    const { ledger } = this.#parts;
    const selected = await client.command(`SELECT "${mailbox}"`);
    if (!selected.tagged.startsWith('OK')) return selected;
    const validity = Number(/UIDVALIDITY (\d+)/.exec(selected.untagged.map(({ text }) => text).join())?.[1]);
    const uids: number[] = [];
    for (const message of messages) {
      const result = await client.command(`UID SEARCH SUBJECT "${message.id}."`);
      if (!result.tagged.startsWith('OK')) return result;
      const found = (
        /^\* SEARCH(.*)/.exec(result.untagged.find(({ text }) => text.startsWith('* SEARCH'))?.text ?? '')?.[1] ?? ''
      )
        .split(' ')
        .filter(Boolean)
        .map(Number);
      const expected = message.copies.filter((copy) => copy.mailbox === mailbox).length;
      ledger.checks.that(
        'I1',
        found.length === expected,
        () =>
          `${message.id} is ${String(found.length)} times in ${mailbox}, must be ${String(expected)} times (${[...found].join()})`,
      );
      for (const uid of found) ledger.sight(validity, uid, message.id);
      uids.push(...found);
    }
    return uids.length === 0 ? { untagged: [], tagged: 'NO [UNAVAILABLE] nothing found' } : uids.join();
  }

  /** Asks, and enters what became of it. Until the command itself was sent, a broken connection is a refusal. */
  async #command(
    node: SiteNode,
    what: string,
    after: ReadonlyMap<TrackedMessage, readonly Copy[]>,
    ask: (client: ImapClient) => Promise<ImapResult>,
  ): Promise<Outcome> {
    const client = await this.#connections.imap(node);
    if (client === undefined) return this.#enter(what, 'refused', 'no connection', after);
    try {
      const { tagged } = await within(ask(client));
      const outcome: Outcome = tagged.startsWith('OK') ? 'acknowledged' : 'refused';
      this.#checkReply(what, tagged, outcome === 'acknowledged' ? /^/ : TEMPORARY);
      return this.#enter(what, outcome, tagged, after);
    } catch (error) {
      this.#connections.dropImap(node);
      return this.#enter(what, 'unknown', String(error), after);
    }
  }

  #enter(what: string, outcome: Outcome, reply: string, after: ReadonlyMap<TrackedMessage, readonly Copy[]>): Outcome {
    this.#parts.ledger.enter({ lane: this.#parts.lane, what, outcome, reply }, after);
    for (const message of after.keys()) {
      const isCertain = message.doubt === undefined && message.copies.length > 0;
      if (!isCertain) this.#own = this.#own.filter((own) => own !== message);
      else if (!this.#own.includes(message)) this.#own.push(message);
    }
    return outcome;
  }

  #checkReply(what: string, reply: string, allowed: RegExp): void {
    this.#parts.ledger.checks.that('I12', allowed.test(reply), () => `${what}: ${reply}`);
  }

  // ---- what it works on -----------------------------------------------------------------------------

  #newMessage(a: number, isDelivered: boolean): TrackedMessage {
    this.#serial += 1;
    const id = `m${String(this.#parts.lane)}-${String(this.#serial)}`;
    const attachment = a % 3 === 0 ? this.#parts.shared[a % Math.max(1, this.#parts.shared.length)] : undefined;
    return this.#parts.ledger.track(id, messageOctets(id, a % 5000, attachment), isDelivered);
  }

  #path(b: number): string {
    return this.#boxes[b % (BOXES + 1)] ?? 'INBOX';
  }

  /** Up to four whose place is certain. */
  #some(a: number): TrackedMessage[] {
    const count = 1 + (a % 4);
    const from = this.#own.length === 0 ? 0 : (a >> 2) % this.#own.length;
    return this.#own.slice(from, from + count);
  }

  /** The mailbox of the slot; one with messages in doubt is left alone from then on. */
  #certainBox(slot: number): string | undefined {
    const path = this.#boxes[slot];
    if (path !== undefined && this.#within(path).some(({ doubt }) => doubt !== undefined))
      this.#boxes[slot] = undefined;
    return this.#boxes[slot];
  }

  #within(path: string): TrackedMessage[] {
    return [...this.#parts.ledger.messages.values()].filter(({ copies, doubt }) =>
      [...copies, ...(doubt?.copies ?? [])].some(({ mailbox }) => mailbox === path),
    );
  }
}

const isDoubtful = ({ doubt }: TrackedMessage): boolean => doubt !== undefined;

function known(outcome: Outcome, ifDone: boolean, ifNot: boolean): boolean | undefined {
  return outcome === 'acknowledged' ? ifDone : outcome === 'refused' ? ifNot : undefined;
}
