import { createHash, randomBytes, randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { ImapClient } from '../support/imap-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import type { Farm } from '../support/node-farm.ts';
import { Pop3Load } from './pop3-load.ts';

export const PASSWORD = 'correct horse';

/** What a client was told has happened to one message. */
interface Acknowledged {
  readonly user: string;
  readonly octets: Buffer;
  readonly isDelivery: boolean;
  isFlagged: boolean;
}

/** How long clients that had lost their connection were without one, in milliseconds. */
export interface Outages {
  readonly reconnects: readonly number[];
  /** From one acknowledged delivery to the next, the longest. */
  readonly longestDeliveryGapMs: number;
  readonly commands: number;
  readonly deliveries: number;
  readonly ms: number;
}

export interface LoadOptions {
  readonly farm: Farm;
  readonly users: readonly string[];
  readonly imapClients: number;
  /** None where not given. */
  readonly pop3Clients?: number;
  readonly lmtpLanes: number;
  /** Mean pause of an IMAP client between commands, in milliseconds. */
  readonly pauseMs: number;
  /** Mean pause of a delivering lane, in milliseconds. */
  readonly deliveryPauseMs: number;
}

/** Clients that come again when they lose their connection, and a ledger of what they were promised. */
export class Load {
  readonly #options: LoadOptions;
  readonly #ledger = new Map<string, Acknowledged>();
  /** Ids whose outcome nobody told. */
  readonly #unknown = new Set<string>();
  readonly #running: Promise<void>[] = [];
  readonly pop3: Pop3Load;
  /** Answers that are wrong in kind, whatever was killed. */
  readonly odd: string[] = [];
  #isOver = false;
  #reconnects: number[] = [];
  #commands = 0;
  #deliveries = 0;
  #lastDeliveryAt = performance.now();
  #longestGap = 0;
  #since = performance.now();
  #connected = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { farm, users, pop3Clients: clients = 0, pauseMs } = options;
    this.pop3 = new Pop3Load({ at: farm.pop3, users, password: PASSWORD, clients, pauseMs, known: this.#ledger });
    for (let n = 0; n < options.imapClients; n += 1) this.#running.push(this.#imap(n));
    for (let n = 0; n < options.lmtpLanes; n += 1) this.#running.push(this.#lmtp(n));
  }

  get acknowledged(): number {
    return this.#ledger.size;
  }

  get deliveries(): number {
    return this.#deliveries;
  }

  /** IMAP clients that are logged in at this moment. */
  get connected(): number {
    return this.#connected;
  }

  /** Everybody is logged in. */
  async allConnected(): Promise<void> {
    while (this.#connected < this.#options.imapClients) await wait(20);
    await this.pop3.allConnected();
  }

  /** What happened since it was asked the last time. */
  take(): Outages {
    const now = performance.now();
    this.#longestGap = Math.max(this.#longestGap, now - this.#lastDeliveryAt);
    const taken: Outages = {
      reconnects: this.#reconnects,
      longestDeliveryGapMs: this.#longestGap,
      commands: this.#commands,
      deliveries: this.#deliveries,
      ms: now - this.#since,
    };
    this.#reconnects = [];
    this.#commands = 0;
    this.#deliveries = 0;
    this.#longestGap = 0;
    this.#since = now;
    return taken;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all([...this.#running, this.pop3.stop()]);
    this.odd.push(...this.pop3.odd);
  }

  /** Fetches every message of every user whole and compares. @returns what is lost, doubled or wrong; [] is right */
  async verify(): Promise<readonly string[]> {
    const faults: string[] = [];
    for (const user of this.#options.users) {
      const found = await this.#fetchAll(user);
      for (const [id, { octets, isDelivery, isFlagged, user: owner }] of this.#ledger) {
        if (owner !== user) continue;
        const copies = found.get(id) ?? [];
        if (copies.length !== 1) faults.push(`${id} of ${user}: ${String(copies.length)} copies`);
        for (const copy of copies) {
          // A delivery has trace fields before it.
          const tail = isDelivery ? copy.octets.subarray(copy.octets.length - octets.length) : copy.octets;
          if (hashOf(tail) !== hashOf(octets)) faults.push(`${id} of ${user}: other octets`);
          if (isFlagged && !copy.isFlagged) faults.push(`${id} of ${user}: lost its flag`);
        }
      }
      for (const [id, copies] of found) {
        if (this.#ledger.has(id)) continue;
        if (!this.#unknown.has(id) || copies.length > 1) faults.push(`${id} of ${user}: nobody was told of it`);
      }
    }
    return faults;
  }

  async #fetchAll(user: string): Promise<Map<string, { octets: Buffer; isFlagged: boolean }[]>> {
    const client = await ImapClient.login(this.#options.farm.imap, user, PASSWORD);
    await client.ok('SELECT INBOX');
    const { untagged } = await client.ok('UID FETCH 1:* (UID FLAGS BODY.PEEK[])');
    await client.logout();
    const found = new Map<string, { octets: Buffer; isFlagged: boolean }[]>();
    for (const { text, literals } of untagged) {
      const octets = literals[0];
      const id = /^Subject: (\S+)\r$/m.exec(octets?.toString('latin1') ?? '')?.[1];
      if (octets === undefined || id === undefined) continue;
      const copies = found.get(id) ?? [];
      copies.push({ octets, isFlagged: /FLAGS \([^)]*\\Flagged/.test(text) });
      found.set(id, copies);
    }
    return found;
  }

  async #imap(number: number): Promise<void> {
    const { users, farm, pauseMs } = this.#options;
    const user = users[number % users.length] ?? '';
    let lostAt: number | undefined;
    while (!this.#isOver) {
      let client: ImapClient | undefined;
      let isIn = false;
      try {
        client = await ImapClient.connect(farm.imap);
        await client.ok(`LOGIN ${user} "${PASSWORD}"`);
        await client.ok('SELECT INBOX');
        if (lostAt !== undefined) this.#reconnects.push(performance.now() - lostAt);
        lostAt = undefined;
        isIn = true;
        this.#connected += 1;
        while (!this.#isOver) {
          await wait(randomInt(pauseMs * 2) + 1);
          await this.#command(client, user);
        }
        await client.logout();
      } catch (error) {
        lostAt ??= performance.now();
        if (/AUTHENTICATIONFAILED|NONEXISTENT|\bBAD\b/.test(String(error))) this.odd.push(String(error));
        await wait(randomInt(20, 100));
      } finally {
        if (isIn) this.#connected -= 1;
        client?.lines.destroy();
      }
    }
  }

  async #command(client: ImapClient, user: string): Promise<void> {
    const kind = randomInt(4);
    if (kind === 0) await client.ok('NOOP');
    else if (kind === 1) await client.ok('UID FETCH * (FLAGS)');
    else if (kind === 2) await client.ok('STATUS INBOX (MESSAGES UIDNEXT UNSEEN)');
    else await this.#append(client, user);
    this.#commands += 1;
  }

  /** An APPEND, and a STORE of what came of it. */
  async #append(client: ImapClient, user: string): Promise<void> {
    const id = newId('append');
    const octets = message(id);
    this.#unknown.add(id);
    const { tagged } = await client.append('INBOX', octets);
    if (/^NO \[(UNAVAILABLE|INUSE|LIMIT)/.test(tagged)) {
      this.#unknown.delete(id);
      return;
    }
    const uid = /^OK \[APPENDUID \d+ (\d+)\]/.exec(tagged)?.[1];
    if (uid === undefined) {
      this.odd.push(tagged);
      return;
    }
    this.#unknown.delete(id);
    const entry: Acknowledged = { user, octets, isDelivery: false, isFlagged: false };
    this.#ledger.set(id, entry);
    const stored = await client.command(`UID STORE ${uid} +FLAGS.SILENT (\\Flagged)`);
    this.#commands += 1;
    if (stored.tagged.startsWith('OK')) entry.isFlagged = true;
  }

  /** As an MTA: what was not acknowledged is tried again, the same octets, until it is. */
  async #lmtp(lane: number): Promise<void> {
    const { users, farm, deliveryPauseMs } = this.#options;
    let client: LmtpClient | undefined;
    let pending: { id: string; user: string; octets: Buffer } | undefined;
    while (!this.#isOver || pending !== undefined) {
      if (pending === undefined) {
        const id = newId(`lmtp${String(lane)}`);
        pending = { id, user: users[randomInt(users.length)] ?? '', octets: message(id) };
        this.#unknown.add(id);
      }
      try {
        client ??= await LmtpClient.connect(farm.lmtp);
        const [reply = ''] = await client.deliver(pending.octets, [`${pending.user}@example.com`]);
        if (reply.startsWith('5')) this.odd.push(reply);
        if (!reply.startsWith('250')) throw new Error(reply);
        const now = performance.now();
        this.#longestGap = Math.max(this.#longestGap, now - this.#lastDeliveryAt);
        this.#lastDeliveryAt = now;
        this.#deliveries += 1;
        this.#unknown.delete(pending.id);
        this.#ledger.set(pending.id, { ...pending, isDelivery: true, isFlagged: false });
        pending = undefined;
        await wait(randomInt(deliveryPauseMs * 2) + 1);
      } catch {
        client?.lines.destroy();
        client = undefined;
        await wait(randomInt(20, 100));
      }
    }
    await client?.quit();
  }
}

function newId(kind: string): string {
  return `${kind}-${randomBytes(8).toString('hex')}`;
}

function message(id: string): Buffer {
  const text = `${randomBytes(30).toString('hex')}\r\n`.repeat(8);
  return Buffer.from(`From: a@example.org\r\nTo: b@example.com\r\nSubject: ${id}\r\n\r\n${text}`);
}

function hashOf(octets: Buffer): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** `p50 / p99 / max` of milliseconds, and how many there were. */
export function spread(values: readonly number[]): string {
  if (values.length === 0) return '-';
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(0);
  return `${at(0.5)} / ${at(0.99)} / ${at(1)} ms (${String(values.length)})`;
}
