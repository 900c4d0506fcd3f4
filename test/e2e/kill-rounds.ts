import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { ApiClient } from '../support/api-client.ts';
import { runEider } from '../support/eider-command.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

const PASSWORD = 'correct horse';
const ADDRESS = 'kill@example.com';
const CONNECTIONS = 8;
const ACKNOWLEDGED_BEFORE_KILL = 20;

interface Ledger {
  readonly acknowledged: Set<string>;
  readonly unanswered: Set<string>;
}

const message = (id: string): Buffer =>
  Buffer.from(
    `From: a@example.org\r\nTo: ${ADDRESS}\r\nSubject: ${id}\r\n\r\n${'A line of text for the letter.\r\n'.repeat(40)}`,
  );

/** Delivers until the server is killed; the kill comes when enough were acknowledged and one is on its way. */
async function round(
  server: ServerProcess,
  number: number,
  ledger: Ledger,
): Promise<{ acknowledged: number; unanswered: number }> {
  let acknowledged = 0;
  let onTheWay = 0;
  let killing: Promise<void> | undefined;
  const unanswered = new Set<string>();
  const connection = async (lane: number): Promise<void> => {
    const client = await LmtpClient.connect(server.ready.lmtp);
    for (let n = 0; killing === undefined; n += 1) {
      const id = `round-${String(number)}-${String(lane)}-${String(n)}`;
      unanswered.add(id);
      onTheWay += 1;
      try {
        const replying = client.deliver(message(id), [ADDRESS]);
        if (acknowledged >= ACKNOWLEDGED_BEFORE_KILL && onTheWay >= 2) killing ??= server.killGroup();
        const [reply] = await replying;
        if (reply?.startsWith('250') === true) {
          acknowledged += 1;
          unanswered.delete(id);
          ledger.acknowledged.add(id);
        }
      } catch {
        return;
      } finally {
        onTheWay -= 1;
      }
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, lane) => connection(lane)));
  await killing;
  for (const id of unanswered) ledger.unanswered.add(id);
  return { acknowledged, unanswered: unanswered.size };
}

async function subjects(server: ServerProcess): Promise<string[]> {
  const imap = await ImapClient.login(server.ready.imap, 'kill', PASSWORD);
  await imap.ok('SELECT INBOX');
  const { untagged } = await imap.ok('FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])').catch(() => ({ untagged: [] }));
  await imap.logout();
  return untagged.flatMap(({ literals }) => {
    const subject = /Subject: (\S+)/.exec(literals[0]?.toString('latin1') ?? '');
    return subject?.[1] === undefined ? [] : [subject[1]];
  });
}

/**
 * kill -9 of server and engine during deliveries, so many times: what was acknowledged is there after each restart,
 * nothing twice; what was unanswered is there once after its retry; in the end `fsck` is clean.
 */
export async function killRounds(t: TestContext, rounds: number): Promise<void> {
  const data = await makeDataDir();
  const ledger: Ledger = { acknowledged: new Set(), unanswered: new Set() };
  try {
    let server = await startServer(data.path);
    await new ApiClient(server.ready.api.url, server.ready.adminToken).createUser('kill', PASSWORD, {
      address: ADDRESS,
    });
    for (let number = 1; number <= rounds; number += 1) {
      const counts = await round(server, number, ledger);
      assert.ok(
        counts.acknowledged >= ACKNOWLEDGED_BEFORE_KILL,
        `round ${String(number)} acknowledged ${String(counts.acknowledged)}`,
      );
      assert.ok(counts.unanswered >= 1, `round ${String(number)} left nothing unanswered`);

      server = await startServer(data.path);
      const found = await subjects(server);
      assert.equal(new Set(found).size, found.length, 'nothing twice after the restart');
      const there = new Set(found);
      for (const id of ledger.acknowledged) assert.ok(there.has(id), `${id} was acknowledged and is gone`);

      const retry = await LmtpClient.connect(server.ready.lmtp);
      for (const id of ledger.unanswered) {
        const [reply] = await retry.deliver(message(id), [ADDRESS]);
        assert.match(reply ?? '', /^250 /);
        ledger.acknowledged.add(id);
      }
      const retried = ledger.unanswered.size;
      ledger.unanswered.clear();
      await retry.quit();
      const after = await subjects(server);
      assert.deepEqual([...after].sort(), [...ledger.acknowledged].sort(), 'each message once after the retry');
      t.diagnostic(
        `round ${String(number)}: ${String(counts.acknowledged)} acknowledged, ${String(counts.unanswered)} unanswered, ` +
          `${String(found.length)} there after the restart, ${String(retried)} retried, ${String(after.length)} in all, none lost, none twice`,
      );
    }
    assert.equal(await server.stop(), 0);
    const checked = await runEider(['fsck', '--data-dir', data.path]);
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
    t.diagnostic(`fsck: ${checked.stdout.trim().split('\n').at(-1) ?? ''}`);
  } finally {
    await data.remove();
  }
}
