import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { createSelfSignedCertificate } from '../../lib/certificates/index.ts';
import { runEider } from '../support/eider-command.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { makeDataDir, startServer } from '../support/server-process.ts';

const DAY_MS = 86_400_000;

describe('eider start', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  before(async () => {
    data = await makeDataDir();
  });
  after(() => data.remove());

  it('says that it is ready, in a file for its owner alone, and ends with 0 on SIGTERM', async () => {
    const server = await startServer(data.path);
    const { ready } = server;
    try {
      assert.equal(ready.pid, server.child.pid);
      for (const at of [ready.imap, ready.imaps, ready.pop3, ready.pop3s, ready.lmtp]) {
        assert.equal(at.host, '127.0.0.1');
        assert.ok(at.port > 0);
      }
      const health = await fetch(`${ready.api.url}/health`, {
        headers: { authorization: `Bearer ${ready.adminToken}` },
      });
      assert.equal(health.status, 200);
      assert.equal((await stat(data.path)).mode & 0o777, 0o700);
      const [file = ''] = (await readdir(data.path)).filter((name) => name.startsWith('ready-'));
      assert.equal((await stat(join(data.path, file))).mode & 0o777, 0o600);
    } finally {
      const idle = await LmtpClient.connect(ready.lmtp);
      const startedAt = performance.now();
      const code = await server.stop();
      idle.lines.destroy();
      assert.equal(code, 0, server.log());
      assert.ok(performance.now() - startedAt < 10_000, 'drained within ten seconds');
    }
  });

  it('says how to make the first user until there is one', async () => {
    const fresh = await makeDataDir();
    try {
      const file = join(fresh.path, 'eider.toml');
      await writeFile(file, '[accounts]\ndefault-quota = "5GiB"\n');
      const first = await startServer(fresh.path, { env: { EIDER_CONFIG: file } });
      await first.stop();
      const told = /echo '([^']+)' \| npx eider (user add alice .*)\n/.exec(first.log());
      assert.ok(told?.[1] !== undefined && told[2] !== undefined, first.log());
      assert.ok(told[2].includes(`--config ${file} `), told[2]);
      const made = await runEider(told[2].split(' '), `${told[1]}\n`);
      assert.equal(made.code, 0, made.stderr);
      const second = await startServer(fresh.path);
      await second.stop();
      assert.doesNotMatch(second.log(), /user add/);
    } finally {
      await fresh.remove();
    }
  });

  it('shows the admin token at the first start of a data directory and not again', async () => {
    const fresh = await makeDataDir();
    try {
      const first = await startServer(fresh.path);
      await first.stop();
      assert.match(first.log(), /Admin token[^\n]*\n {2}[0-9a-f]{64}\n/);
      const second = await startServer(fresh.path);
      await second.stop();
      assert.doesNotMatch(second.log(), /Admin token/);
      assert.match(second.log(), /Eider is ready/);
    } finally {
      await fresh.remove();
    }
  });

  it('says which setting to change where a port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const at = `127.0.0.1:${String((other.address() as AddressInfo).port)}`;
      const result = await runEider(['start', '--data-dir', data.path, '--set', `listen.imap=${at}`]);
      assert.equal(result.code, 1);
      assert.match(result.stderr, /cannot listen on 127\.0\.0\.1:\d+: another program listens there; set listen\.imap/);
    } finally {
      other.close();
    }
  });

  it('refuses mistakes in the configuration, with the line', async () => {
    const file = join(data.path, 'wrong.toml');
    await writeFile(file, '[lmtp]\nmax-recipient = 5\n');
    const result = await runEider(['start', '--data-dir', data.path, '--config', file]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /wrong\.toml:2: \[lmtp\] has no setting max-recipient; did you mean max-recipients\?/);
  });

  it('reads settings and certificates again on SIGHUP, and says what waits for a restart', async () => {
    const file = join(data.path, 'eider.toml');
    const [cert, key] = [join(data.path, 'cert.pem'), join(data.path, 'key.pem')];
    const put = async (name: string, rest: string): Promise<void> => {
      const made = createSelfSignedCertificate({ names: [name], notBefore: Date.now(), notAfter: Date.now() + DAY_MS });
      await writeFile(cert, made.certificate);
      await writeFile(key, made.privateKey);
      await writeFile(file, `[tls]\ncertificate-file = "${cert}"\nprivate-key-file = "${key}"\n${rest}`);
    };
    await put('one.example', '');
    const server = await startServer(data.path, { args: ['--config', file] });
    const presented = async (): Promise<string> => {
      const socket = connect({ ...server.ready.imaps, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return String(subject.CN);
    };
    try {
      assert.equal(await presented(), 'one.example');
      await put('two.example', '[server]\nlog-level = "debug"\nhostname = "other.example"\n');
      server.child.kill('SIGHUP');
      await server.said(/certificates read again/);
      assert.equal(await presented(), 'two.example');
      await server.said(/"applied":\["server\.log-level"\]/);
      await server.said(/"settings":\["server\.hostname"\]/);
      await writeFile(file, 'nonsense');
      await writeFile(key, 'nonsense');
      server.child.kill('SIGHUP');
      await server.said(/certificates not read again/);
      await server.said(/settings not read again/);
      assert.equal(await presented(), 'two.example');
    } finally {
      assert.equal(await server.stop(), 0);
    }
  });
});
