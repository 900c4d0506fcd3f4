import assert from 'node:assert/strict';
import { ApiClient } from '../support/api-client.ts';
import { runEider } from '../support/eider-command.ts';
import { ImapClient } from '../support/imap-client.ts';
import { processTree } from '../support/process-tree.ts';
import { makeDataDir, startServer } from '../support/server-process.ts';

const PASSWORD = 'correct horse';
const good = (subject: string): Buffer => Buffer.from(`From: a@example.org\r\nSubject: ${subject}\r\n\r\ngood\r\n`);

/** Kills the engine alone, so many times, while clients append and read. */
export async function engineKills(rounds: number): Promise<void> {
  const data = await makeDataDir();
  const server = await startServer(data.path);
  try {
    await new ApiClient(server.ready.api.url, server.ready.adminToken).createUser('hostile', PASSWORD);

    const kept = new Set<string>();
    let isOver = false;
    const odd: string[] = [];
    // An append of unknown outcome ends its connection without a word; the client comes again.
    const lane = async (number: number): Promise<void> => {
      for (let again = 0; !isOver; again += 1) {
        const client = await ImapClient.connect(server.ready.imap);
        try {
          await client.ok(`LOGIN hostile "${PASSWORD}"`);
          await client.ok('SELECT INBOX');
          for (let n = 0; !isOver; n += 1) {
            const id = `engine-${String(number)}-${String(again)}-${String(n)}`;
            const { tagged } = await client.append('INBOX', good(id));
            if (tagged.startsWith('OK')) kept.add(id);
            const searched = await client.command('UID SEARCH UID 1:12 TEXT "nowhere"');
            const status = await client.command('STATUS Sent (MESSAGES)');
            for (const answer of [tagged, searched.tagged, status.tagged])
              if (!/^(OK|NO \[UNAVAILABLE\])/.test(answer)) odd.push(answer);
          }
        } catch (error) {
          if (!/closed the connection|UNAVAILABLE/.test(String(error))) odd.push(String(error));
          // A client that hammers at a server in trouble has lost its own case.
          await new Promise((resolve) => setTimeout(resolve, 50));
        } finally {
          client.lines.destroy();
        }
      }
    };
    const lanes = [1, 2, 3].map((number) => lane(number));
    const moreAcknowledged = async (count: number): Promise<void> => {
      const wanted = kept.size + count;
      for (let looks = 0; kept.size < wanted && looks < 1000; looks += 1)
        await new Promise((resolve) => setTimeout(resolve, 10));
    };
    for (let kills = 0; kills < rounds; kills += 1) {
      await moreAcknowledged(6);
      for (const pid of (await processTree(server.ready.pid)).slice(1)) process.kill(pid, 'SIGKILL');
    }
    const acknowledged = kept.size;
    await moreAcknowledged(1);
    isOver = true;
    await Promise.all(lanes);
    assert.deepEqual(odd, []);
    assert.ok(kept.size > acknowledged, 'the engine came back');
    const client = await ImapClient.login(server.ready.imap, 'hostile', PASSWORD);
    await client.ok('SELECT INBOX');
    const { untagged } = await client.ok('FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
    const there = new Set(untagged.map(({ literals }) => /Subject: (\S+)/.exec(literals[0]?.toString() ?? '')?.[1]));
    assert.deepEqual(
      [...kept].filter((id) => !there.has(id)),
      [],
    );
    await client.logout();
    assert.doesNotMatch(server.log(), /nobody (handled|caught)|PromiseRejectionHandled/);
    assert.equal(await server.stop(), 0);
    const checked = await runEider(['fsck', '--data-dir', data.path]);
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  } finally {
    await server.killGroup();
    await data.remove();
  }
}
