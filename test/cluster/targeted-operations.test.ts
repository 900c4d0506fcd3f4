import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { CommandStartedEvent, Document } from 'mongodb';
import { inspectDatabase, openDatabase, planPreparation, runPreparationStep } from '../../lib/db/index.ts';
import { collections } from '../../workers/collections.ts';
import { startShardedCluster, type ShardedCluster } from '../support/cluster/sharded-cluster.ts';
import { targetingOf } from '../support/cluster/targeting.ts';
import { tour } from './tour.ts';
import { startWholeServer, type WholeServer } from './whole-server.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const sharded = collections.filter((layout) => layout.keys.kind !== 'few');
const keys = new Map<string, readonly string[]>(sharded.map(({ name, shardKey }) => [name, shardKey]));
const few = new Set(collections.filter((layout) => layout.keys.kind === 'few').map(({ name }) => name));
const mayBroadcast = new Set(collections.filter(({ targeted }) => targeted === 'by-id').map(({ name }) => name));

/** As `eider db init` does. */
async function prepareCluster(uri: string): Promise<void> {
  const database = await openDatabase({ uri, name: 'eider' });
  const found = await inspectDatabase(database, [...keys.keys()]);
  for (const step of planPreparation(collections, found, { chunksPerShard: 2 }).steps)
    await runPreparationStep(database, step);
  await database.close();
}

/** Commands that read or write rows, as against those that make collections or end sessions. */
const READS = new Set(['find', 'count', 'distinct', 'aggregate']);
const WRITES = new Set(['insert', 'update', 'delete', 'findAndModify']);

describe('every operation on a sharded cluster', () => {
  let cluster: ShardedCluster;
  let server: WholeServer;
  /** What the driver sent, seen from the driver's side. */
  const untargeted: string[] = [];
  const undeclared = new Set<string>();
  const unbounded = new Set<string>();
  /** What is weaker than a majority, or read elsewhere than from the primary. */
  const weak = new Set<string>();
  const seen = new Map<string, number>();

  const note = ({ commandName, command }: CommandStartedEvent): void => {
    if (!READS.has(commandName) && !WRITES.has(commandName)) return;
    const collection = String(command[commandName]);
    seen.set(`${commandName} ${collection}`, (seen.get(`${commandName} ${collection}`) ?? 0) + 1);
    const key = keys.get(collection);
    if (key === undefined && !few.has(collection)) undeclared.add(collection);
    else if (key !== undefined) {
      const targeting = targetingOf(command, key);
      if (targeting.kind === 'refused' || (targeting.kind === 'broadcast' && !mayBroadcast.has(collection)))
        untargeted.push(`${commandName} ${collection}: ${targeting.reason}`);
    }
    const { maxTimeMS, readConcern, writeConcern, $readPreference } = command;
    if (READS.has(commandName) && maxTimeMS === undefined) unbounded.add(`${commandName} ${collection}`);
    const isStrong = READS.has(commandName)
      ? (readConcern as Document | undefined)?.['level'] === 'majority'
      : isDeepStrictEqual({ ...(writeConcern as Document), wtimeout: 0 }, { w: 'majority', j: true, wtimeout: 0 });
    if (!isStrong || $readPreference !== undefined) weak.add(`${commandName} ${collection}`);
  };

  before(async () => {
    cluster = await startShardedCluster({ mayBroadcast });
    await prepareCluster(cluster.uri);
    server = await startWholeServer(cluster.uri);
    server.store.database.client.on('commandStarted', note);
    await tour(server, 'tourist');
  });
  after(async () => {
    await server.close();
    await cluster.close();
  });

  it('bounds the shard key, as the driver sends it', () => assert.deepEqual(untargeted, []));

  it('meets no refusal of the router', () => {
    const refused = cluster.routed.filter(
      ({ targeting, collection }) =>
        targeting.kind === 'refused' || (targeting.kind === 'broadcast' && !mayBroadcast.has(collection)),
    );
    assert.deepEqual(refused, []);
  });

  it('is on a declared collection', () => assert.deepEqual([...undeclared], []));

  it('has a time limit where it reads', () => assert.deepEqual([...unbounded], []));

  it('asks for majorities, of the primary: journalled writes, reads that cannot be rolled back', () =>
    assert.deepEqual([...weak], []));

  it('was really looked at: every collection was read and written', (t) => {
    const broadcasts = cluster.routed.filter(({ targeting }) => targeting.kind === 'broadcast');
    const names = [...new Set(broadcasts.map(({ name, collection }) => `${name} ${collection}`))].sort();
    t.diagnostic(
      `${String(cluster.routed.length)} commands routed, ${String(seen.size)} kinds; broadcast: ${names.join(', ')}`,
    );
    for (const name of keys.keys())
      assert.ok(
        [...seen.keys()].some((kind) => kind.endsWith(` ${name}`)),
        `nothing was done on ${name}`,
      );
  });
});

describe('the sources', () => {
  it('name no collection that is not declared', () => {
    const declared = new Set(collections.map(({ name }) => name));
    for (const file of globSync('lib/*/*-collection.ts', { cwd: ROOT })) {
      const text = readFileSync(join(ROOT, file), 'utf8');
      for (const [, name = ''] of text.matchAll(/(?:collection(?:<[^>]*>)?\(\s*|(?:COLLECTION|BUCKET) = )'([\w.]+)'/g))
        assert.ok(declared.has(name) || declared.has(`${name}.files`), `${file}: ${name}`);
    }
  });
});
