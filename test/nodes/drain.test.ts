import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { ApiClient } from '../support/api-client.ts';
import { runEider } from '../support/eider-command.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LineClient } from '../support/line-client.ts';
import { makeDataDir, startServer, type Ready } from '../support/server-process.ts';

const PASSWORD = 'correct horse battery';

interface At {
  readonly host: string;
  readonly port: number;
}

describe('a process with roles', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  before(async () => {
    data = await makeDataDir();
  });
  after(() => data.remove());

  it('serves what they name and nothing else, and says so', async () => {
    const server = await startServer(data.path, { args: ['--roles', 'lmtp,worker'] });
    try {
      const { imap, pop3, lmtp, api } = server.ready as Partial<Ready>;
      assert.deepEqual([imap, pop3, api], [undefined, undefined, undefined]);
      assert.ok(lmtp);
      const { stdout } = await runEider(['status', '--json', '--data-dir', data.path]);
      const { nodes, jobs } = JSON.parse(stdout) as { nodes: { roles: string[]; pid: number }[]; jobs: unknown[] };
      assert.deepEqual(
        nodes.map(({ roles, pid }) => ({ roles, pid })),
        [{ roles: ['lmtp', 'worker'], pid: server.ready.pid }],
      );
      assert.ok(jobs.length > 0);
    } finally {
      assert.equal(await server.stop(), 0);
    }
    const { stdout } = await runEider(['status', '--json', '--data-dir', data.path]);
    assert.deepEqual((JSON.parse(stdout) as { nodes: unknown[] }).nodes, [], 'it has said goodbye');
  });

  it('is refused where there is no such role, or none', async () => {
    for (const roles of ['imap,smtp', ',', '__proto__']) {
      const { code, stderr } = await runEider(['start', '--free-ports', '--data-dir', data.path, '--roles', roles]);
      assert.equal(code, 1);
      assert.match(stderr, /server\.roles/);
    }
  });

  it('that drains tells load balancers first, takes connections meanwhile, and ends with 0', async () => {
    const server = await startServer(data.path, {
      args: [...['--set', 'listen.health=127.0.0.1:0'], ...['--set', 'server.drain-delay=2s']],
    });
    const { health } = server.ready as Ready & { readonly health: At };
    const ask = async (method: string, path: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${String(health.port)}${path}`, { method })).status;
    const statuses: number[] = [];
    for (const [method, path] of [
      ['GET', '/health'],
      ['HEAD', '/health?x'],
      ['POST', '/health'],
      ['GET', '/'],
    ] as const) {
      statuses.push(await ask(method, path));
    }
    assert.deepEqual(statuses, [200, 200, 405, 404]);
    const api = async (): Promise<number> =>
      (await fetch(`${server.ready.api.url}/health`, { headers: { 'X-Access-Token': server.ready.adminToken } }))
        .status;
    assert.equal(await api(), 200);
    const stopped = server.stop();
    while ((await ask('GET', '/health')) !== 503) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(await api(), 503);
    const late = await LineClient.connect(server.ready.imap);
    assert.match(await late.line(), /^\* OK/);
    assert.match(await late.line(), /^\* BYE/);
    late.destroy();
    assert.equal(await stopped, 0);
    await assert.rejects(
      new Promise((_resolve, reject) => {
        connect(server.ready.imap.port, '127.0.0.1').once('error', reject);
      }),
      /ECONNREFUSED/,
    );
  });

  it('sends its clients away one after the other, so that they do not all log in elsewhere at once', async () => {
    const server = await startServer(data.path, { args: ['--set', 'server.drain-timeout=6s'] });
    try {
      const { ready } = server;
      const api = new ApiClient(ready.api.url, ready.adminToken);
      await Promise.all(
        ['one', 'two'].map((name) => api.createUser(name, PASSWORD, { address: `${name}@example.com` })),
      );
      const imap: ImapClient[] = [];
      for (let n = 0; n < 24; n += 1)
        imap.push(await ImapClient.login(ready.imap, n % 2 === 0 ? 'one' : 'two', PASSWORD));
      const pop3 = await Promise.all([1, 2, 3].map(() => LineClient.connect(ready.pop3)));
      for (const client of pop3) await client.line();
      for (const client of imap) {
        await client.ok('SELECT INBOX');
        await client.lines.write('i IDLE\r\n');
        assert.match((await client.response()).text, /^\+/);
      }
      const stopped = server.stop();
      const goodbyes = await Promise.all([
        ...imap.map(async (client) => {
          assert.match((await client.response()).text, /^\* BYE/);
          return performance.now();
        }),
        ...pop3.map(async (client) => {
          assert.match(await client.line(), /^-ERR \[SYS\/TEMP\]/);
          return 0;
        }),
      ]);
      const times = goodbyes.slice(0, imap.length).sort((a, b) => a - b);
      const spreadMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
      // 24 clients at up to 50 ms: nearly 1.2 s, and much less than the three quarters of 6 s.
      assert.ok(spreadMs > 800, `within ${spreadMs.toFixed(0)} ms`);
      for (const client of imap) client.lines.destroy();
      for (const client of pop3) client.destroy();
      assert.equal(await stopped, 0);
    } finally {
      await server.killGroup();
    }
  });
});
