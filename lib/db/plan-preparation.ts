import { BSON, MaxKey, MinKey, type Document, type RunCommandOptions } from 'mongodb';
import type { CollectionLayout, IndexLayout } from './collection-layout.ts';
import type { Database } from './database.ts';
import type { FoundChunk, FoundCollection, FoundDatabase } from './inspect-database.ts';
import { splitPoints } from './split-points.ts';
import { orTemporary } from './row-access.ts';

/** One command that brings a database nearer to what it should be like. */
export interface PreparationStep {
  readonly collection: string;
  readonly kind: 'create' | 'index' | 'shard' | 'split' | 'move';
  /** Database that the command is for. */
  readonly database: string;
  readonly command: Document;
}

export interface Preparation {
  /** In the order in which they are to be run. */
  readonly steps: readonly PreparationStep[];
  /** What no command mends, in words; nothing should be run then. */
  readonly problems: readonly string[];
}

/** Commands run by name take no concern from the client. */
const MAJORITY = { writeConcern: { w: 'majority' } };
/** WiredTiger's own choice is snappy; rows of mail shrink to two thirds of that. */
const COMPRESSION = { wiredTiger: { configString: 'block_compressor=zstd' } };

/**
 * What is missing. A collection is split and spread only while it is empty and has no splits but ours: whatever has
 * grown since is the balancer's. Repeated, or taken up again half-way, it comes to the same.
 */
export function planPreparation(
  layouts: readonly CollectionLayout[],
  found: FoundDatabase,
  options: { readonly chunksPerShard: number },
): Preparation {
  const problems: string[] = [];
  if (found.kind === 'standalone') {
    problems.push(
      'the server is a single mongod without a replica set: it cannot keep what it acknowledged, nor tell a retried write from a new one',
    );
  }
  const steps = layouts.flatMap((layout) => {
    const there = found.collections.get(layout.name);
    problems.push(...problemsOf(layout, there));
    return [
      ...(there === undefined ? [creation(layout, found)] : []),
      ...indexSteps(layout, there, found.name),
      ...(found.kind === 'sharded' && layout.keys.kind !== 'few'
        ? shardingSteps(layout, there, found, options.chunksPerShard)
        : []),
    ];
  });
  return { steps, problems };
}

/** Waits for as long as it takes: an index over much mail takes long. @throws MailError `unavailable` */
export async function runPreparationStep({ client }: Database, step: PreparationStep): Promise<void> {
  // Any command takes this option, though not all of its types say so.
  const patient: RunCommandOptions & { readonly socketTimeoutMS: number } = { socketTimeoutMS: 0 };
  await orTemporary(() => client.db(step.database).command(step.command, patient));
}

/** The command as it would be typed into a shell. */
export function stepText({ database, command }: PreparationStep): string {
  return `use ${database}; db.runCommand(${BSON.EJSON.stringify(command, { relaxed: true })})`;
}

function problemsOf({ name, shardKey, indexes }: CollectionLayout, there: FoundCollection | undefined): string[] {
  const problems: string[] = [];
  const key = there?.sharding?.key;
  if (key !== undefined && key.join() !== shardKey.join())
    problems.push(`${name} is sharded by ${key.join(', ')} instead of ${shardKey.join(', ')}`);
  for (const index of indexes) {
    const known = there?.indexes.find((each) => each.name === index.name);
    if (known !== undefined && !isIndex(known, index))
      problems.push(`the index ${index.name} of ${name} is another one`);
  }
  for (const { name: indexName, key: fields, isUnique } of there?.indexes ?? []) {
    const isOurs = shardKey.every((field, at) => Object.keys(fields)[at] === field);
    if (isUnique && indexName !== '_id_' && !isOurs)
      problems.push(`the index ${indexName} of ${name} is unique, which shards cannot keep`);
  }
  return problems;
}

const isIndex = (
  known: { readonly key: Document; readonly isUnique: boolean },
  { key, unique }: IndexLayout,
): boolean =>
  known.isUnique === (unique === true) &&
  Object.entries(known.key)
    .map(([field, way]) => `${field} ${Number(way)}`)
    .join() ===
    Object.entries(key)
      .map(([field, way]) => `${field} ${way}`)
      .join();

function creation({ name }: CollectionLayout, { kind, name: database }: FoundDatabase): PreparationStep {
  const isMongoDb = kind === 'replica-set' || kind === 'sharded' || kind === 'standalone';
  const command = { create: name, ...(isMongoDb ? { storageEngine: COMPRESSION } : {}), ...MAJORITY };
  return { collection: name, kind: 'create', database, command };
}

function indexSteps(
  { name, indexes }: CollectionLayout,
  there: FoundCollection | undefined,
  database: string,
): PreparationStep[] {
  const missing = indexes.filter((index) => there?.indexes.every((known) => known.name !== index.name) ?? true);
  if (missing.length === 0) return [];
  return [
    { collection: name, kind: 'index', database, command: { createIndexes: name, indexes: missing, ...MAJORITY } },
  ];
}

function shardingSteps(
  layout: CollectionLayout,
  there: FoundCollection | undefined,
  { name: database, shards }: FoundDatabase,
  chunksPerShard: number,
): PreparationStep[] {
  const { name, shardKey } = layout;
  const namespace = `${database}.${name}`;
  const step = (kind: PreparationStep['kind'], command: Document): PreparationStep => ({
    ...{ collection: name, kind, database: 'admin', command },
  });
  const key = Object.fromEntries(shardKey.map((field) => [field, 1]));
  const steps = there?.sharding === undefined ? [step('shard', { shardCollection: namespace, key, ...MAJORITY })] : [];
  const points = splitPoints(layout, shards.length * chunksPerShard);
  const chunks = there?.sharding?.chunks ?? [];
  if (there !== undefined && !there.isEmpty) return steps;
  const planned = new Map(points.map((point) => [textOf(point), point]));
  const boundaries = new Set(chunks.slice(1).map(({ min }) => textOf(min)));
  if ([...boundaries].some((boundary) => !planned.has(boundary))) return steps;
  for (const [text, middle] of planned)
    if (!boundaries.has(text)) steps.push(step('split', { split: namespace, middle }));
  if (points.length === 0) return steps;
  const ends = [endOf(shardKey, new MinKey()), ...points, endOf(shardKey, new MaxKey())];
  ends.slice(0, -1).forEach((min, at) => {
    const toShard = shards[at % shards.length] ?? '';
    const max = ends[at + 1] ?? {};
    if (shardOf(chunks, min) !== toShard) steps.push(step('move', { moveRange: namespace, min, max, toShard }));
  });
  return steps;
}

const textOf = (value: Document): string => BSON.EJSON.stringify(value, { relaxed: false });
const endOf = (fields: readonly string[], value: unknown): Document =>
  Object.fromEntries(fields.map((field) => [field, value]));

/** Of the piece that begins there, which may be part of a larger one still. Undefined where nothing is known. */
function shardOf(chunks: readonly FoundChunk[], min: Document): string | undefined {
  return chunks.find((chunk) => textOf(chunk.min) === textOf(min))?.shard;
}
