import { setTimeout as sleep } from 'node:timers/promises';
import type { ImapClient, ImapResponse } from '../support/imap-client.ts';
import { within } from './patience.ts';
import { flagsText, type Checks } from './ledger.ts';
import type { Site, SiteNode } from './site.ts';

interface Seen {
  readonly uid: number;
  flags: string;
}

/**
 * An idling client with a model of its own, made of nothing but what it is told: EXISTS, EXPUNGE, FETCH. It breaks off
 * IDLE only to ask for flags and UIDs of messages that are new to it. When its connection goes it begins anew.
 */
export class Idler {
  readonly #site: Site;
  readonly #checks: Checks;
  readonly #username: string;
  readonly #at: number;
  #client: ImapClient | undefined;
  #model: Seen[] = [];
  #isOver = false;
  #done: Promise<void> | undefined;
  #node: SiteNode | undefined;
  reconnects = -1;

  constructor(site: Site, checks: Checks, username: string, at: number) {
    this.#site = site;
    this.#checks = checks;
    this.#username = username;
    this.#at = at;
  }

  /** Resolves when it idles for the first time. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#done = this.#live(resolve);
    });
  }

  get node(): SiteNode | undefined {
    return this.#node;
  }

  /** UIDs and flags as it knows them. */
  model(): string {
    return this.#model.map(({ uid, flags }) => `${String(uid)} ${flags}`).join('\n');
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#client?.lines.destroy();
    await this.#done;
  }

  async #live(onIdle: () => void): Promise<void> {
    while (!this.#isOver) {
      this.reconnects += 1;
      try {
        const node = this.#site.node(this.#at);
        const client = await within(node.imap(this.#username), 20_000);
        this.#client = client;
        this.#node = node;
        await this.#idle(client, onIdle);
      } catch {
        await sleep(50);
      } finally {
        this.#client?.lines.destroy();
      }
    }
    onIdle();
  }

  async #idle(client: ImapClient, onIdle: () => void): Promise<void> {
    this.#model = [];
    let exists = 0;
    let lastUid = 0;
    const take = ({ text }: ImapResponse): void => {
      const [, number, what, rest = ''] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH)(.*)/.exec(text) ?? [];
      const n = Number(number);
      if (what === 'EXISTS') {
        this.#checks.that('I10', n >= exists, () => `EXISTS ${String(n)} after ${String(exists)} without EXPUNGE`);
        exists = n;
      } else if (what === 'EXPUNGE') {
        this.#checks.that('I10', n >= 1 && n <= exists, () => `EXPUNGE ${String(n)} of ${String(exists)}`);
        exists -= 1;
        this.#model.splice(n - 1, 1);
      } else if (what === 'FETCH') {
        const uid = Number(/UID (\d+)/.exec(rest)?.[1] ?? this.#model[n - 1]?.uid);
        const flags = /FLAGS \(([^)]*)\)/.exec(rest)?.[1];
        const known = this.#model[n - 1];
        if (known !== undefined) {
          this.#checks.that(
            'I4',
            known.uid === uid,
            () => `message ${String(n)} was UID ${String(known.uid)} and is ${String(uid)}`,
          );
          if (flags !== undefined) known.flags = flagsText(flags.split(' ').filter(Boolean));
        } else if (n === this.#model.length + 1 && flags !== undefined && Number.isInteger(uid)) {
          this.#checks.that(
            'I4',
            uid > lastUid,
            () => `a new message has UID ${String(uid)} after ${String(lastUid)} was seen`,
          );
          lastUid = Math.max(lastUid, uid);
          this.#model.push({ uid, flags: flagsText(flags.split(' ').filter(Boolean)) });
        }
      }
    };
    const run = async (command: string): Promise<void> => {
      const { untagged, tagged } = await within(client.command(command));
      untagged.forEach(take);
      if (!tagged.startsWith('OK')) throw new Error(tagged);
    };
    await run('SELECT INBOX');
    for (;;) {
      while (this.#model.length < exists) await run(`FETCH ${String(this.#model.length + 1)}:* (UID FLAGS)`);
      const tag = client.nextTag();
      await client.lines.write(`${tag} IDLE\r\n`);
      for (;;) {
        const response = await within(client.response());
        if (response.text.startsWith('+')) break;
        if (response.text.startsWith(`${tag} `)) throw new Error(response.text);
        take(response);
      }
      onIdle();
      while (this.#model.length >= exists) {
        const response = await client.response();
        if (response.text.startsWith('* BYE')) throw new Error(response.text);
        take(response);
      }
      await client.lines.write('DONE\r\n');
      const { untagged } = await within(client.finish(tag));
      untagged.forEach(take);
    }
  }
}

/** Asks for STATUS round the nodes, one after the other, and sees that nothing goes back (I5). */
export class CounterWatch {
  readonly #site: Site;
  readonly #checks: Checks;
  readonly #username: string;
  readonly #clients = new Map<string, ImapClient>();
  readonly #known = new Map<string, number>();
  #isOver = false;
  #done: Promise<void> | undefined;
  answers = 0;

  constructor(site: Site, checks: Checks, username: string) {
    this.#site = site;
    this.#checks = checks;
    this.#username = username;
  }

  start(): void {
    this.#done = this.#watch();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    for (const client of this.#clients.values()) client.lines.destroy();
    await this.#done;
  }

  async #watch(): Promise<void> {
    for (let turn = 0; !this.#isOver; turn += 1) {
      let node: SiteNode | undefined;
      try {
        node = this.#site.node(turn);
        const client = this.#clients.get(node.name) ?? (await within(node.imap(this.#username), 20_000));
        this.#clients.set(node.name, client);
        await this.#look(client);
      } catch {
        if (node !== undefined) {
          this.#clients.get(node.name)?.lines.destroy();
          this.#clients.delete(node.name);
        }
      }
      await sleep(25);
    }
    for (const client of this.#clients.values()) client.lines.destroy();
  }

  async #look(client: ImapClient): Promise<void> {
    const { untagged, tagged } = await within(
      client.command('STATUS INBOX (UIDNEXT HIGHESTMODSEQ UIDVALIDITY MESSAGES)'),
    );
    this.#checks.that('I12', /^OK|^NO \[UNAVAILABLE\]/.test(tagged), () => `STATUS: ${tagged}`);
    const text = untagged.find((response) => response.text.startsWith('* STATUS'))?.text;
    if (text === undefined) return;
    this.answers += 1;
    for (const name of ['UIDNEXT', 'HIGHESTMODSEQ', 'UIDVALIDITY']) {
      const value = Number(new RegExp(`${name} (\\d+)`).exec(text)?.[1]);
      const before = this.#known.get(name) ?? 0;
      const holds = name === 'UIDVALIDITY' ? before === 0 || value === before : value >= before;
      this.#checks.that('I5', holds, () => `${name} was ${String(before)} and is ${String(value)}`);
      this.#known.set(name, Math.max(before, value));
    }
  }
}

/**
 * Waits until each idling client's model is what a fresh FETCH through another node shows (I10). A node that is still
 * in trouble may say so, and is asked again.
 * @returns ms it took
 */
export async function convergence(
  site: Site,
  checks: Checks,
  username: string,
  idlers: readonly Idler[],
  withinMs: number,
): Promise<number> {
  const begun = performance.now();
  for (const [n, idler] of idlers.entries()) {
    const other = site.nodes.find((node) => node !== idler.node) ?? site.node(n);
    for (;;) {
      const fresh = await freshModel(other, username).catch((error: unknown) => {
        checks.that('I12', /NO \[UNAVAILABLE\]|closed the connection|no answer/.test(String(error)), () =>
          String(error),
        );
        return undefined;
      });
      const spent = performance.now() - begun;
      if (fresh === idler.model() || spent > withinMs) {
        checks.that(
          'I10',
          fresh === idler.model(),
          () => `after ${spent.toFixed(0)} ms an idling client knows\n${idler.model()}\nand there is\n${fresh ?? '?'}`,
        );
        break;
      }
      await sleep(20);
    }
  }
  return performance.now() - begun;
}

/**
 * Writes at each node in turn, and waits until every idling client knows, at whatever node it is (I10). What there is to
 * know is asked of the node that was written at: a question put to another one would have that one look.
 */
export async function newsFromEachNode(
  site: Site,
  checks: Checks,
  username: string,
  idlers: readonly Idler[],
  withinMs: number,
  write: (node: SiteNode) => Promise<void>,
): Promise<void> {
  for (const node of site.nodes) {
    await write(node);
    const fresh = await freshModel(node, username);
    const begun = performance.now();
    for (const idler of idlers) {
      while (idler.model() !== fresh && performance.now() - begun < withinMs) await sleep(20);
      checks.that(
        'I10',
        idler.model() === fresh,
        () =>
          `of what came in at ${node.name} an idling client at ${idler.node?.name ?? '?'} knows\n${idler.model()}\nand there is\n${fresh}`,
      );
    }
  }
}

async function freshModel(node: SiteNode, username: string): Promise<string> {
  const client = await within(node.imap(username));
  try {
    await client.ok('EXAMINE INBOX');
    const { untagged } = await within(client.ok('UID FETCH 1:* (UID FLAGS)'));
    return untagged
      .flatMap(({ text }) => {
        const uid = /^\* \d+ FETCH .*UID (\d+)/.exec(text)?.[1];
        const flags = /FLAGS \(([^)]*)\)/.exec(text)?.[1];
        return uid === undefined || flags === undefined
          ? []
          : [`${uid} ${flagsText(flags.split(' ').filter(Boolean))}`];
      })
      .join('\n');
  } finally {
    client.lines.destroy();
  }
}
