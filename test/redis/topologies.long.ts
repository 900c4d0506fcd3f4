import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Hints } from '../../lib/journal/index.ts';
import { newAccountId } from '../../lib/kernel/ids.ts';
import { hintsContract, reached } from '../contracts/hints-contract.ts';
import { debianTool } from '../support/debian-packages.ts';
import { RawRedis } from '../support/raw-redis.ts';
import { joinThroughRedis } from '../support/redis-hints.ts';
import { freePort, waitForPort } from '../support/ports.ts';
import { startRedis, withoutRedis, type RedisServer } from '../support/redis-server.ts';

const skip = await withoutRedis();

const joined = async (uri: string): Promise<Hints> => joinThroughRedis(uri, 2000);

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 50));
}

describe('hints through a cluster of three', { skip, timeout: 120_000 }, () => {
  const servers: RedisServer[] = [];
  let uri = '';
  before(async () => {
    const busPorts: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      const busPort = await freePort();
      busPorts.push(busPort);
      servers.push(
        await startRedis([
          '--cluster-enabled',
          'yes',
          '--cluster-port',
          String(busPort),
          '--cluster-node-timeout',
          '1000',
        ]),
      );
    }
    const raws = await Promise.all(servers.map(({ port }) => RawRedis.connect(port)));
    const ranges = ['0 5460', '5461 10922', '10923 16383'];
    for (const [n, raw] of raws.entries())
      assert.equal(await raw.command(`CLUSTER ADDSLOTSRANGE ${ranges[n] ?? ''}`), '+OK');
    for (const [n, { port }] of servers.entries()) {
      await raws[0]?.command(`CLUSTER MEET 127.0.0.1 ${String(port)} ${String(busPorts[n])}`);
    }
    for (const raw of raws) await until(async () => (await raw.command('CLUSTER INFO')).includes('cluster_state:ok'));
    for (const raw of raws) raw.close();
    uri = `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${String(port)}`).join(',')}`;
  });
  after(() => Promise.all(servers.map((server) => server.close())));

  hintsContract({ join: () => joined(uri) });

  it('reach accounts on every node of it', async () => {
    const [one, two] = [await joined(uri), await joined(uri)];
    for (let n = 0; n < 30; n += 1) await reached(one, two, newAccountId());
    await one.close();
    await two.close();
  });

  it('flow again after one of its nodes was away', async () => {
    const [one, two] = [await joined(uri), await joined(uri)];
    const accounts = Array.from({ length: 12 }, () => newAccountId());
    for (const account of accounts) await reached(one, two, account);
    await servers[1]?.kill();
    for (const account of accounts) one.publish(account, 5);
    await servers[1]?.restart();
    for (const account of accounts) await reached(one, two, account);
    await one.close();
    await two.close();
  });
});

describe('hints through sentinels', { skip, timeout: 120_000 }, () => {
  let primary: RedisServer;
  let replica: RedisServer;
  let sentinel: ChildProcess;
  let folder = '';
  let uri = '';
  before(async () => {
    const tool = await debianTool('redis-server');
    primary = await startRedis();
    replica = await startRedis(['--replicaof', '127.0.0.1', String(primary.port), '--repl-diskless-sync-delay', '0']);
    folder = await mkdtemp(join(tmpdir(), 'eider-sentinel-'));
    const port = await freePort();
    await writeFile(
      join(folder, 'sentinel.conf'),
      [
        ...[`port ${String(port)}`, 'bind 127.0.0.1', `dir ${folder}`],
        ...[`sentinel monitor mail 127.0.0.1 ${String(primary.port)} 1`, 'sentinel down-after-milliseconds mail 500'],
        ...['sentinel failover-timeout mail 3000', ''],
      ].join('\n'),
    );
    sentinel = spawn(tool?.command ?? '', [join(folder, 'sentinel.conf'), '--sentinel'], {
      stdio: 'ignore',
      env: { ...process.env, ...tool?.env },
    });
    await waitForPort(port, sentinel);
    const raw = await RawRedis.connect(port);
    await until(async () => (await raw.command('SENTINEL REPLICAS mail')).includes(String(replica.port)));
    raw.close();
    uri = `redis+sentinel://127.0.0.1:${String(port)}/mail`;
  });
  after(async () => {
    const gone = once(sentinel, 'exit');
    sentinel.kill('SIGKILL');
    await gone;
    await primary.close();
    await replica.close();
    await rm(folder, { recursive: true, force: true });
  });

  hintsContract({ join: () => joined(uri) });

  it('flow again after the primary died and the replica took its place', async () => {
    const [one, two] = [await joined(uri), await joined(uri)];
    const account = newAccountId();
    await reached(one, two, account);
    await primary.kill();
    await reached(one, two, account);
    await one.close();
    await two.close();
  });
});
