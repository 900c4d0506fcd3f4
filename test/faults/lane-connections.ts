import { setTimeout as sleep } from 'node:timers/promises';
import type { ImapClient } from '../support/imap-client.ts';
import type { LmtpClient } from '../support/lmtp-client.ts';
import type { Checks } from './ledger.ts';
import { within } from './patience.ts';
import type { SiteNode } from './site.ts';

const CONNECT_MS = 20_000;

/** What a client has open at each node; a connection is made where it is first wanted, and again after it broke. */
export class LaneConnections {
  readonly #username: string;
  readonly #checks: Checks;
  readonly #imap = new Map<string, ImapClient>();
  readonly #lmtp = new Map<string, LmtpClient>();

  constructor(username: string, checks: Checks) {
    this.#username = username;
    this.#checks = checks;
  }

  /** Logged in; undefined where the node takes no connection, for a reason that trouble may have (I12). */
  async imap(node: SiteNode): Promise<ImapClient | undefined> {
    const known = this.#imap.get(node.name);
    if (known !== undefined) return known;
    try {
      const client = await within(node.imap(this.#username), CONNECT_MS);
      this.#imap.set(node.name, client);
      return client;
    } catch (error) {
      this.#check('log in', String(error), /UNAVAILABLE|BYE|ECONN|closed the connection|no answer|EPIPE/);
      await sleep(20);
      return undefined;
    }
  }

  async lmtp(node: SiteNode): Promise<LmtpClient | undefined> {
    const known = this.#lmtp.get(node.name);
    if (known !== undefined) return known;
    try {
      const client = await within(node.lmtp(), CONNECT_MS);
      this.#lmtp.set(node.name, client);
      return client;
    } catch (error) {
      this.#check('greet', String(error), /ECONN|closed the connection|no answer|EPIPE/);
      await sleep(20);
      return undefined;
    }
  }

  dropImap(node: SiteNode): void {
    this.#imap.get(node.name)?.lines.destroy();
    this.#imap.delete(node.name);
  }

  dropLmtp(node: SiteNode): void {
    this.#lmtp.get(node.name)?.lines.destroy();
    this.#lmtp.delete(node.name);
  }

  close(): void {
    for (const client of [...this.#imap.values(), ...this.#lmtp.values()]) client.lines.destroy();
    this.#imap.clear();
    this.#lmtp.clear();
  }

  #check(what: string, reply: string, allowed: RegExp): void {
    this.#checks.that('I12', allowed.test(reply), () => `${what}: ${reply}`);
  }
}
