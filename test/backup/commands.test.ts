import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { runEider } from '../support/eider-command.ts';
import { makeDataDir } from '../support/server-process.ts';
import { openCommandSite, report, type CommandSite } from './command-site.ts';

describe('eider backup and restore', () => {
  let site: CommandSite;
  before(async () => {
    site = await openCommandSite();
  });
  after(() => site.close());

  it('back a running server up, and list and verify what is there', async () => {
    const [to, ...key] = site.target;
    const made = report(await runEider(['backup', ...site.target, '--data-dir', site.dataDir, '--json']));
    assert.deepEqual([made['kind'], (made['counts'] as { messages: number }).messages], ['full', 1]);
    const listed = await runEider(['backup', 'list', to, ...key]);
    assert.equal(listed.stdout.trim().split('\n').length, 2, listed.stderr);
    assert.equal(report(await runEider(['backup', 'verify', to, ...key, '--json']))['damages'], 0);
    const refused = await runEider(['backup', 'list', to, '--plain']);
    assert.deepEqual([refused.code, /encrypted with key/.test(refused.stderr)], [1, true]);
  });

  it('restore the whole store onto another engine', async () => {
    const other = await makeDataDir();
    try {
      const whole = report(await runEider(['restore', ...site.target, '--data-dir', other.path, '--json']));
      assert.deepEqual([whole['users'], whole['messages']], [1, 1]);
      const checked = report(await runEider(['fsck', '--data-dir', other.path, '--json']));
      assert.deepEqual([checked['messages'], checked['damages']], [1, 0]);
    } finally {
      await other.remove();
    }
  });
});
