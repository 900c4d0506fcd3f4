import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { collections } from '../../workers/collections.ts';
import { ReplicaSet } from '../support/cluster/replica-set.ts';
import { startShardedCluster } from '../support/cluster/sharded-cluster.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Everything that runs on another server of the protocol, on a cluster. The counts are in the last line. */
async function runSuites(t: TestContext, uri: string): Promise<void> {
  const child = spawn(process.execPath, [join(ROOT, 'test/run-docdb.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Of a run within a run of node:test no file would be run.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, EIDER_TEST_MONGODB: uri },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  const lines = output.trimEnd().split('\n');
  t.diagnostic(lines.at(-1) ?? '');
  assert.equal(code, 0, lines.filter((line) => !/^(ok|skipped)/.test(line)).join('\n'));
}

describe('the suites of the rooms and of the whole server', { timeout: 25 * 60_000 }, () => {
  it('pass on a sharded cluster that refuses what names no shard', async (t) => {
    const sharded = collections.filter(({ keys }) => keys.kind !== 'few');
    const cluster = await startShardedCluster({
      // The contract sends commands of its own to any router, and a cursor lives in one.
      routers: 1,
      presharded: new Map(sharded.map(({ name, shardKey }) => [name, shardKey])),
      mayBroadcast: new Set(sharded.filter(({ targeted }) => targeted === 'by-id').map(({ name }) => name)),
    });
    try {
      await runSuites(t, cluster.uri);
      const refused = cluster.routed.filter(({ targeting }) => targeting.kind === 'refused');
      t.diagnostic(`${String(cluster.routed.length)} commands routed, ${String(refused.length)} refused`);
    } finally {
      await cluster.close();
    }
  });

  it('pass on a replica set', async (t) => {
    const set = await ReplicaSet.start();
    try {
      await runSuites(t, set.uri);
    } finally {
      await set.close();
    }
  });
});
