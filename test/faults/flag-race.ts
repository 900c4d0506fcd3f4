import { setTimeout as sleep } from 'node:timers/promises';
import type { ImapClient } from '../support/imap-client.ts';
import { messageOctets } from './message-octets.ts';
import { within } from './patience.ts';
import type { Checks } from './ledger.ts';
import type { Site, SiteNode } from './site.ts';

/** What was asked, when, and when it was answered; a store that was never answered may take effect at any time later. */
interface Turn {
  readonly value: number;
  readonly begunAt: number;
  readonly endedAt: number;
}

/** Values are written in this many keywords. */
const BITS = 12;
const keywords = (value: number): string =>
  Array.from({ length: BITS }, (_, bit) => ((value >> bit) & 1) === 1)
    .flatMap((isSet, bit) => (isSet ? [`bit${String(bit)}`] : []))
    .join(' ');
const valueOf = (text: string): number =>
  [...text.matchAll(/bit(\d+)/g)].reduce((sum, [, bit]) => sum | (1 << Number(bit)), 0);

/**
 * Sessions on several nodes that replace the flags of one message, each time by others, and read them. What is read,
 * and what is there in the end, was written by a store that no later one had replaced by then (I11).
 */
export class FlagRace {
  readonly #site: Site;
  readonly #checks: Checks;
  readonly #username: string;
  readonly #stores: Turn[] = [{ value: 0, begunAt: -1, endedAt: -1 }];
  readonly #reads: Turn[] = [];
  #values = 0;
  #isOver = false;
  #done: Promise<unknown> | undefined;
  readonly #clients = new Set<ImapClient>();

  constructor(site: Site, checks: Checks, username: string) {
    this.#site = site;
    this.#checks = checks;
    this.#username = username;
  }

  /** Makes the user and the message, and begins. */
  async start(sessions: number): Promise<void> {
    await this.#site.createUser(this.#username);
    const client = await this.#site.node(0).imap(this.#username);
    await client.append('INBOX', messageOctets('m0-0', 10));
    await client.logout();
    this.#done = Promise.all(Array.from({ length: sessions }, (_, n) => this.#live(n)));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    for (const client of this.#clients) client.lines.destroy();
    await this.#done;
  }

  /** Holds all that was read, and what each node reads now, against what was written. */
  async verify(): Promise<void> {
    for (const node of this.#site.nodes) {
      const client = await within(node.imap(this.#username));
      await client.ok('EXAMINE INBOX');
      await this.#read(client);
      await client.logout();
    }
    for (const read of this.#reads) {
      const writers = this.#stores.filter(({ value }) => value === read.value);
      const isPlausible = writers.some(
        (writer) =>
          writer.begunAt < read.endedAt &&
          !this.#stores.some((later) => later.begunAt > writer.endedAt && later.endedAt < read.begunAt),
      );
      this.#checks.that(
        'I11',
        isPlausible,
        () => `flags were read as ${String(read.value)}, which was replaced before`,
      );
    }
  }

  async #live(n: number): Promise<void> {
    while (!this.#isOver) {
      try {
        const node: SiteNode = this.#site.node(n);
        const client = await within(node.imap(this.#username), 20_000);
        this.#clients.add(client);
        try {
          await client.ok('SELECT INBOX');
          while (!this.#isOver) {
            await this.#store(client);
            await this.#read(client);
            await sleep(60);
          }
        } finally {
          this.#clients.delete(client);
          client.lines.destroy();
        }
      } catch {
        await sleep(50);
      }
    }
  }

  async #store(client: ImapClient): Promise<void> {
    this.#values = (this.#values + 1) % (1 << BITS);
    const value = this.#values;
    const begunAt = performance.now();
    try {
      const { tagged } = await within(client.command(`UID STORE 1 FLAGS.SILENT (${keywords(value)})`));
      this.#checks.that('I12', /^OK|^NO \[UNAVAILABLE\]/.test(tagged), () => `STORE: ${tagged}`);
      if (tagged.startsWith('OK')) this.#stores.push({ value, begunAt, endedAt: performance.now() });
    } catch (error) {
      this.#stores.push({ value, begunAt, endedAt: Infinity });
      throw error;
    }
  }

  async #read(client: ImapClient): Promise<void> {
    const begunAt = performance.now();
    // NOOP first: what a session shows of others' changes is what it has been told of (RFC 3501 section 7.4.2).
    await within(client.ok('NOOP'));
    const { untagged } = await within(client.ok('UID FETCH 1 (FLAGS)'));
    const flags = untagged.flatMap(({ text }) => /FLAGS \(([^)]*)\)/.exec(text)?.[1] ?? []).at(-1);
    if (flags !== undefined) this.#reads.push({ value: valueOf(flags), begunAt, endedAt: performance.now() });
  }
}
