import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../faults/seeded-random.ts';
import { runEider } from '../support/eider-command.ts';
import { databaseVariables } from '../support/given-database.ts';
import { KilledSite, type Seen } from './killed-site.ts';

const MAIN = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));
const AT_ONCE = 6;

describe('eider restore of one user, by several processes', () => {
  let site: KilledSite;
  let command: string[];
  let expected: Seen;
  before(async () => {
    site = await KilledSite.open(seededRandom(74));
    await site.live(200);
    const made = await runEider(['backup', site.target, '--plain', '--data-dir', site.dataDir]);
    assert.equal(made.code, 0, made.stderr);
    expected = await site.look();
    command = ['restore', site.target, '--plain', '--data-dir', site.dataDir, '--user', 'anna', '--replace'];
  });
  after(() => site.close());

  const isClaimed = async (): Promise<boolean> => {
    const { id } = await site.store.user('anna');
    return (await site.store.users.find(id))?.isClaimed === true;
  };

  it('one of those that begin at the same time goes on; what the others say names the user', async () => {
    const results = await Promise.all(Array.from({ length: AT_ONCE }, () => runEider(command)));
    const done = results.filter(({ code }) => code === 0);
    // Who begins when another is done is no rival of his.
    assert.ok(done.length >= 1);
    for (const { code, stderr } of results)
      if (code !== 0) assert.match(stderr, /another restore of user anna is under way.*--resume takes its place/);
    await site.assertStore(site.dataDir, expected);
  });

  it('one that was stopped, and goes on after another took its place with --resume, writes nothing more', async () => {
    const stopped = spawn(process.execPath, [MAIN, ...command], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...databaseVariables(site.dataDir), NODE_NO_WARNINGS: '1' },
    });
    let stderr = '';
    stopped.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const ended = once(stopped, 'close');
    while (!(await isClaimed())) await delay(2);
    stopped.kill('SIGSTOP');
    try {
      assert.ok(await isClaimed(), 'it was done too soon');
      const refused = await runEider(command);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /another restore of user anna is under way/);
      const taken = await runEider([...command, '--resume']);
      assert.equal(taken.code, 0, taken.stderr);
      const { account } = await site.store.user('anna');
      stopped.kill('SIGCONT');
      assert.deepEqual(await ended, [1, null]);
      assert.match(stderr, /Another restore of user anna has taken this one's place/);
      assert.equal((await site.store.user('anna')).account, account);
      await site.assertStore(site.dataDir, expected);
    } finally {
      stopped.kill('SIGKILL');
    }
  });
});
