import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { collections } from '../../workers/collections.ts';
import { startShardedCluster, type ShardedCluster } from '../support/cluster/sharded-cluster.ts';
import { runEider } from '../support/eider-command.ts';
import { makeDataDir } from '../support/server-process.ts';
import { messageWithAttachment, plainMessage } from './tour.ts';

const mayBroadcast = new Set(collections.filter(({ targeted }) => targeted === 'by-id').map(({ name }) => name));

describe("an operator's commands on a sharded cluster that refuses what names no shard", { timeout: 600_000 }, () => {
  let cluster: ShardedCluster;
  let data: Awaited<ReturnType<typeof makeDataDir>>;

  before(async () => {
    cluster = await startShardedCluster({ mayBroadcast });
    data = await makeDataDir();
    await mkdir(join(data.path, 'mail'));
    await writeFile(join(data.path, 'mail/1.eml'), plainMessage('one'));
    await writeFile(join(data.path, 'mail/2.eml'), messageWithAttachment('two', 200_000));
  });
  after(async () => {
    await cluster.close();
    await data.remove();
  });

  const inData = (name: string) => () => join(data.path, name);
  type Part = string | (() => string);
  const commands: readonly (readonly [args: readonly Part[], input?: string])[] = [
    [['db', 'init']],
    [['user', 'add', 'operator', '--address', 'operator@example.com', '--password-stdin'], 'correct horse\n'],
    [['address', 'add', 'operator', 'more@example.com']],
    [['user', 'list']],
    [['import', 'operator', inData('mail')]],
    [['export', 'operator', inData('out')]],
    [['fsck']],
    [['gc', '--older-than', '0s']],
    [['status']],
    [['backup', inData('backups'), '--plain']],
    [['rebuild', 'operator']],
    [['rewrite', '--level', '12']],
    [['backup', inData('backups'), '--plain']],
    [['user', 'remove', 'operator']],
    [['gc', '--older-than', '0s']],
    [['restore', inData('backups'), '--plain', '--user', 'operator']],
    [['fsck']],
    [['db', 'init', '--dry-run']],
    [['migrate', '--to', () => `embedded:${join(data.path, 'moved')}`]],
  ];
  for (const [args, input = ''] of commands) {
    it(`eider ${args.filter((part) => typeof part === 'string').join(' ')}`, async () => {
      const before = cluster.routed.length;
      const settings = ['--data-dir', data.path, '--set', `database.uri=${cluster.uri}`];
      const { code, stdout, stderr } = await runEider(
        [...args.map((part) => (typeof part === 'string' ? part : part())), ...settings],
        input,
      );
      const refused = cluster.routed
        .slice(before)
        .filter(({ targeting, collection }) => targeting.kind !== 'targeted' && !mayBroadcast.has(collection));
      assert.deepEqual(refused, []);
      assert.equal(code, 0, stdout + stderr);
    });
  }
});
