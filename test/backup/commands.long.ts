import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runEider } from '../support/eider-command.ts';
import { makeDataDir } from '../support/server-process.ts';
import { openCommandSite, report, type CommandSite } from './command-site.ts';

describe('the commands on a living store', () => {
  let site: CommandSite;
  before(async () => {
    site = await openCommandSite();
  });
  after(() => site.close());

  it('go on with the last backup, and say what is missing to read it', async () => {
    const [to] = site.target;
    report(await runEider(['backup', ...site.target, '--data-dir', site.dataDir, '--json']));
    await site.deliver('Subject: two\r\n\r\nsecond\r\n');
    const second = report(await runEider(['backup', ...site.target, '--data-dir', site.dataDir, '--json']));
    assert.deepEqual([second['kind'], (second['counts'] as { messages: number }).messages], ['incremental', 1]);
    assert.match((await runEider(['backup', 'list', to])).stderr, /new-key/);
  });

  it('restore the store onto another engine, one user and one mailbox onto the living one', async () => {
    const { target, dataDir } = site;
    const other = await makeDataDir();
    try {
      const whole = report(await runEider(['restore', ...target, '--data-dir', other.path, '--json']));
      assert.deepEqual([whole['users'], whole['messages']], [1, 2]);
      assert.equal((await runEider(['fsck', '--data-dir', other.path])).code, 0);
      const again = await runEider(['restore', ...target, '--data-dir', other.path]);
      assert.equal(again.code, 1);
      assert.match(again.stderr, /--resume/);
    } finally {
      await other.remove();
    }
    const living = ['restore', ...target, '--data-dir', dataDir, '--json', '--user', 'anna'];
    const mailbox = report(await runEider([...living, '--mailbox', 'INBOX', '--as', 'Then']));
    assert.deepEqual([mailbox['mailbox'], mailbox['messages']], ['Then', 2]);
    assert.match((await runEider(living)).stderr, /--replace/);
    assert.equal(report(await runEider([...living, '--replace']))['messages'], 2);
    // The running server delivers into the new log.
    await site.deliver('Subject: three\r\n\r\nthird\r\n');
    const checked = report(await runEider(['fsck', '--data-dir', dataDir, '--json']));
    assert.deepEqual([checked['messages'], checked['damages']], [3, 0]);
  });

  it('migrate to another engine once no server runs, and compare', async () => {
    const { dataDir, folder, server } = site;
    const other = join(folder, 'other');
    const to = ['--to', `embedded:${other}`, '--data-dir', dataDir];
    const busy = await runEider(['migrate', ...to]);
    assert.equal(busy.code, 1);
    assert.match(busy.stderr, /serves the source/);
    assert.equal((await runEider(['migrate', ...to, '--online'])).code, 0);
    await server.stop();
    const moved = await runEider(['migrate', ...to]);
    assert.equal(moved.code, 0, moved.stderr);
    assert.match(moved.stdout, /put this into the configuration/);
    assert.equal((await runEider(['fsck', '--data-dir', other])).code, 0);
    const verified = await runEider(['migrate', ...to, '--verify']);
    assert.equal(verified.code, 0, verified.stdout);
    await runEider(['user', 'add', 'bert', '--password-stdin', '--data-dir', other], 'pw');
    const differing = await runEider(['migrate', ...to, '--verify']);
    assert.equal(differing.code, 1);
    assert.match(differing.stdout, /difference: usernames .*bert.*stray/);
  });
});
