import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApiClient } from '../support/api-client.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

const PASSWORD = 'correct horse';
const message = (subject: string): Buffer =>
  Buffer.from(`From: a@example.org\r\nTo: b@example.com\r\nSubject: ${subject}\r\n\r\nHello\r\n`);

/** An idling client that keeps its own model of the mailbox: how many messages it has been told of. */
class Idler {
  readonly client: ImapClient;
  exists = 0;
  #heard: (() => void)[] = [];
  readonly done: Promise<void>;

  constructor(client: ImapClient, exists: number) {
    this.client = client;
    this.exists = exists;
    this.done = this.#listen();
  }

  static async start(server: ServerProcess, username: string): Promise<Idler> {
    const client = await ImapClient.login(server.ready.imap, username, PASSWORD);
    const { untagged } = await client.ok('SELECT INBOX');
    const exists = Number(
      /^\* (\d+) EXISTS/.exec(untagged.find(({ text }) => text.endsWith('EXISTS'))?.text ?? '')?.[1],
    );
    await client.lines.write('idle IDLE\r\n');
    assert.match((await client.response()).text, /^\+/);
    return new Idler(client, exists);
  }

  async #listen(): Promise<void> {
    for (;;) {
      const { text } = await this.client.response();
      if (text.startsWith('idle ')) return;
      const exists = /^\* (\d+) EXISTS/.exec(text);
      if (exists !== null) this.exists = Number(exists[1]);
      for (const wake of this.#heard.splice(0)) wake();
    }
  }

  /** Resolves when the model shows at least so many messages. */
  async reaches(count: number): Promise<void> {
    while (this.exists < count) await new Promise<void>((resolve) => this.#heard.push(resolve));
  }

  /** Ends IDLE and gives the UIDs as a fresh FETCH shows them. */
  async finish(): Promise<number[]> {
    await this.client.lines.write('DONE\r\n');
    await this.done;
    const uids = await this.client.uids();
    await this.client.logout();
    return uids;
  }
}

describe('two server processes on the same data', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  let servers: readonly [ServerProcess, ServerProcess];
  let api: ApiClient;

  before(async () => {
    data = await makeDataDir();
    const first = await startServer(data.path);
    servers = [first, await startServer(data.path)];
    api = new ApiClient(first.ready.api.url, first.ready.adminToken);
  });
  after(async () => {
    for (const server of servers) await server.stop();
    await data.remove();
  });

  it('stores 20 parallel deliveries of the same DATA to one address once, and answers each with 250', async () => {
    await api.createUser('retry', PASSWORD, { address: 'retry@example.com' });
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, n) => LmtpClient.connect(servers[n % 2 === 0 ? 0 : 1].ready.lmtp)),
    );
    const replies = await Promise.all(clients.map((client) => client.deliver(message('once'), ['retry@example.com'])));
    assert.deepEqual(
      replies.flat().map((reply) => reply.slice(0, 3)),
      Array.from({ length: 20 }, () => '250'),
    );
    await Promise.all(clients.map((client) => client.quit()));
    const imap = await ImapClient.login(servers[1].ready.imap, 'retry', PASSWORD);
    await imap.ok('SELECT INBOX');
    assert.equal((await imap.uids()).length, 1);
    await imap.logout();
  });

  it('gives 8 writers to one mailbox dense UIDs, and every idling client the same list within 1 s', async (t) => {
    await api.createUser('writers', PASSWORD, { address: 'writers@example.com' });
    const idlers = await Promise.all([0, 1, 0, 1].map((n) => Idler.start(servers[n as 0 | 1], 'writers')));
    const perWriter = 25;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      const server = servers[writer % 2 === 0 ? 0 : 1];
      if (writer < 4) {
        const lmtp = await LmtpClient.connect(server.ready.lmtp);
        for (let n = 0; n < perWriter; n += 1) {
          const [reply] = await lmtp.deliver(message(`${String(writer)}/${String(n)}`), ['writers@example.com']);
          assert.match(reply ?? '', /^250 /);
        }
        await lmtp.quit();
      } else {
        const imap = await ImapClient.login(server.ready.imap, 'writers', PASSWORD);
        for (let n = 0; n < perWriter; n += 1)
          assert.match((await imap.append('INBOX', message(`${String(writer)}/${String(n)}`))).tagged, /^OK/);
        await imap.logout();
      }
    });
    await Promise.all(writers);
    const written = performance.now();
    await Promise.all(idlers.map((idler) => idler.reaches(8 * perWriter)));
    const converged = performance.now() - written;
    const lists = await Promise.all(idlers.map((idler) => idler.finish()));
    const dense = Array.from({ length: 8 * perWriter }, (_, n) => n + 1);
    for (const list of lists) assert.deepEqual(list, dense);
    assert.ok(converged <= 1000, `the last client converged after ${converged.toFixed(0)} ms`);
    t.diagnostic(
      `200 messages by 8 writers through 2 processes: UIDs 1…200, 4 idling clients converged after ${converged.toFixed(1)} ms`,
    );
  });

  it('tells an idling client of the same process of a delivery in at most 50 ms at the 99th percentile of 500', async (t) => {
    await api.createUser('idle', PASSWORD, { address: 'idle@example.com' });
    const idler = await Idler.start(servers[0], 'idle');
    const lmtp = await LmtpClient.connect(servers[0].ready.lmtp);
    const spans: number[] = [];
    for (let n = 1; n <= 500; n += 1) {
      const told = idler.reaches(n).then(() => performance.now());
      const [reply] = await lmtp.deliver(message(`idle ${String(n)}`), ['idle@example.com']);
      const acknowledged = performance.now();
      assert.match(reply ?? '', /^250 /);
      // Told before the 250 was read counts as at once.
      spans.push(Math.max(0, (await told) - acknowledged));
    }
    await lmtp.quit();
    await idler.finish();
    spans.sort((a, b) => a - b);
    const p99 = spans[494] ?? Infinity;
    t.diagnostic(
      `500 deliveries: told after the 250 by p50 ${(spans[249] ?? 0).toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`,
    );
    assert.ok(p99 <= 50, `p99 ${p99.toFixed(1)} ms`);
  });
});
