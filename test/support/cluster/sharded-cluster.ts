import { BSON, type Document } from 'mongodb';
import { WHOLE_COLLECTION_WORK } from '../../../lib/db/index.ts';
import { EVERY_ROW } from '../every-row.ts';
import { ClusterMetadata, CommandFailure } from './cluster-metadata.ts';
import { startBearer } from './engine.ts';
import { EngineLink } from './engine-link.ts';
import { Listener, type ClientConnection } from './listener.ts';
import { targetingOf, type Targeting } from './targeting.ts';
import { replyDocument, type WireCommand } from './wire.ts';

export interface ShardedClusterOptions {
  readonly shards?: number;
  /** Routers, each an address of the connection string. */
  readonly routers?: number;
  /** Collections that count as sharded in every database, by name; besides those that `shardCollection` names. */
  readonly presharded?: ReadonlyMap<string, readonly string[]>;
  /** Names of sharded collections of which a broadcast is let pass. A real cluster lets all of them pass, slowly. */
  readonly mayBroadcast?: ReadonlySet<string>;
}

/** A command on a sharded collection, and where it went. */
export interface RoutedCommand {
  readonly name: string;
  readonly collection: string;
  readonly targeting: Targeting;
}

export interface ShardedCluster {
  readonly uri: string;
  readonly metadata: ClusterMetadata;
  /** Commands on sharded collections so far. */
  readonly routed: RoutedCommand[];
  /** Those of work that goes through collections whole, and says so: let pass to every shard. */
  readonly whole: RoutedCommand[];
  /** Commands to the `admin` database that changed the cluster, as they came. */
  readonly administered: Document[];
  /** Collections made, with the options they came with. */
  readonly created: ReadonlyMap<string, Document>;
  close(): Promise<void>;
}

const WHOLE = new Set<unknown>(Object.values(WHOLE_COLLECTION_WORK));
const MAX_WIRE_VERSION = 21;
const ADMINISTRATION = new Set(['shardCollection', 'split', 'moveRange', 'moveChunk', 'enableSharding']);
/** Options that a real server takes and the engine behind has no use for. */
const STORAGE_OPTIONS = ['storageEngine'];

/**
 * A sharded cluster as a driver sees it: routers in front of one embedded engine. What a router would refuse is
 * refused with its code, and what it would send to every shard is refused too, unless it was said that it may be.
 */
export async function startShardedCluster(options: ShardedClusterOptions = {}): Promise<ShardedCluster> {
  const { shards = 3, routers = 2, presharded = new Map(), mayBroadcast = new Set() } = options;
  const bearer = await startBearer();
  const metadata = new ClusterMetadata(shards);
  const own = new EngineLink(bearer.socketPath);
  const state: RouterState = {
    socketPath: bearer.socketPath,
    own,
    metadata,
    presharded,
    mayBroadcast,
    routed: [],
    whole: [],
    administered: [],
    created: new Map(),
    cursors: new Map(),
  };
  const listeners = Array.from(
    { length: routers },
    () => new Listener((client, command) => serve(state, client, command)),
  );
  for (const listener of listeners) await listener.listen();
  return {
    uri: `mongodb://${listeners.map(({ address }) => address).join(',')}/`,
    metadata,
    routed: state.routed,
    whole: state.whole,
    administered: state.administered,
    created: state.created,
    close: async () => {
      for (const listener of listeners) listener.die();
      own.close();
      await bearer.close();
    },
  };
}

interface RouterState {
  readonly socketPath: string;
  readonly own: EngineLink;
  readonly metadata: ClusterMetadata;
  readonly presharded: ReadonlyMap<string, readonly string[]>;
  readonly mayBroadcast: ReadonlySet<string>;
  readonly routed: RoutedCommand[];
  readonly whole: RoutedCommand[];
  readonly administered: Document[];
  readonly created: Map<string, Document>;
  /** Cursors live in the router that opened them. */
  readonly cursors: Map<string, Listener>;
}

async function serve(state: RouterState, client: ClientConnection, command: WireCommand): Promise<void> {
  try {
    const own = await answerHere(state, client, command);
    if (own !== undefined) {
      client.reply(command, own);
      return;
    }
    checkRouting(state, client.listener, command);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    client.reply(command, error.reply);
    return;
  }
  const reply = await client.linkTo(state.socketPath).exchange(command.octets);
  noteCursor(state, client.listener, command, reply);
  if (command.wantsReply) client.send(reply);
}

const hello = (client: ClientConnection): Document => ({
  helloOk: true,
  ismaster: true,
  isWritablePrimary: true,
  msg: 'isdbgrid',
  maxBsonObjectSize: 16 * 1024 * 1024,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  localTime: new Date(Date.now()),
  logicalSessionTimeoutMinutes: 30,
  connectionId: client.id,
  minWireVersion: 0,
  maxWireVersion: MAX_WIRE_VERSION,
  ok: 1,
});

/** What a router answers out of what it and the configuration servers know; undefined for what shards answer. */
async function answerHere(
  state: RouterState,
  client: ClientConnection,
  command: WireCommand,
): Promise<Document | undefined> {
  const { name, db, body } = command;
  if (name === 'hello' || name === 'isMaster' || name === 'ismaster') return hello(client);
  if (name === 'buildInfo') return { version: '7.0.0', versionArray: [7, 0, 0, 0], modules: [], ok: 1 };
  if (db === 'admin' && name === 'balancerStatus') return { mode: 'full', inBalancerRound: false, ok: 1 };
  if (db === 'admin' && ADMINISTRATION.has(name)) return administer(state, body, name);
  if (db === 'config' && name === 'find') return findInConfig(state.metadata, body);
  if (name === 'create' && STORAGE_OPTIONS.some((option) => option in body)) return createWithOptions(state, db, body);
  if (name === 'drop') state.metadata.drop(`${db}.${String(body['drop'])}`);
  if (name === 'dropDatabase') state.metadata.dropDatabase(db);
  return undefined;
}

async function administer(state: RouterState, body: Document, name: string): Promise<Document> {
  state.administered.push(body);
  const namespace = String(body[name]);
  switch (name) {
    case 'shardCollection': {
      await checkIndexesFor(state, namespace, Object.keys(body['key'] as Document));
      const made = state.metadata.shard(namespace, body['key'] as Document);
      return { collectionsharded: made.namespace, ok: 1 };
    }
    case 'split':
      state.metadata.split(namespace, body['middle'] as Document);
      return { ok: 1 };
    case 'moveRange':
      state.metadata.move(namespace, body['min'] as Document, String(body['toShard']));
      return { ok: 1 };
    case 'moveChunk':
      state.metadata.move(namespace, (body['bounds'] as Document[])[0] ?? {}, String(body['to']));
      return { ok: 1 };
    default:
      return { ok: 1 };
  }
}

/** A collection is sharded only with an index that begins with the shard key, and with no unique one that does not. */
async function checkIndexesFor(state: RouterState, namespace: string, key: readonly string[]): Promise<void> {
  const dot = namespace.indexOf('.');
  const listed = await state.own.run(namespace.slice(0, dot), { listIndexes: namespace.slice(dot + 1) });
  const indexes = ((listed['cursor'] as Document | undefined)?.['firstBatch'] ?? []) as Document[];
  const beginsWithKey = (index: Document): boolean => {
    const fields = Object.keys(index['key'] as Document);
    return key.every((field, at) => fields[at] === field);
  };
  const unique = indexes.find((index) => index['unique'] === true && index['name'] !== '_id_' && !beginsWithKey(index));
  if (unique !== undefined)
    throw new CommandFailure(72, 'InvalidOptions', `the unique index ${String(unique['name'])} has another prefix`);
  if (indexes.length > 0 && !indexes.some(beginsWithKey))
    throw new CommandFailure(72, 'InvalidOptions', 'Please create an index that starts with the proposed shard key');
}

async function createWithOptions(state: RouterState, db: string, body: Document): Promise<Document> {
  const name = String(body['create']);
  const options = Object.fromEntries(STORAGE_OPTIONS.map((option) => [option, body[option] as unknown]));
  const reply = await state.own.run(db, { create: name });
  if (Number(reply['ok']) === 1) state.created.set(`${db}.${name}`, options);
  return reply;
}

const octetsOf = (value: unknown): Buffer => Buffer.from(BSON.serialize({ value }));

function findInConfig(metadata: ClusterMetadata, body: Document): Document {
  const wanted = Object.entries((body['filter'] ?? {}) as Document);
  const isWanted = (row: Document): boolean =>
    wanted.every(([field, value]) => octetsOf(row[field]).equals(octetsOf(value)));
  const name = String(body['find']);
  return {
    cursor: { id: BSON.Long.ZERO, ns: `config.${name}`, firstBatch: metadata.rows(name).filter(isWanted) },
    ok: 1,
  };
}

/** @throws CommandFailure for what has no shard to go to, or goes to every shard, or to another router's cursor */
function checkRouting(state: RouterState, router: Listener, command: WireCommand): void {
  const { name, db, body } = command;
  if (name === 'getMore') {
    if (state.cursors.get(String(body['getMore'])) === router) return;
    throw new CommandFailure(43, 'CursorNotFound', `cursor id ${String(body['getMore'])} is not this router's`);
  }
  const collection = String(body[name]);
  const key = state.metadata.find(`${db}.${collection}`)?.key ?? state.presharded.get(collection);
  if (key === undefined || db === 'admin' || db === 'config') return;
  const targeting = targetingOf(body, key);
  if (targeting.kind === 'broadcast' && isOfTest(body)) return;
  if (targeting.kind === 'broadcast' && WHOLE.has(body['comment'])) {
    state.whole.push({ name, collection, targeting });
    return;
  }
  state.routed.push({ name, collection, targeting });
  if (targeting.kind === 'targeted') return;
  const reason = `${name} on ${collection}: ${targeting.reason}`;
  if (targeting.kind === 'refused') throw new CommandFailure(targeting.code, 'Refused', reason);
  if (!state.mayBroadcast.has(collection)) throw new CommandFailure(61, 'ShardKeyNotFound', `broadcast: ${reason}`);
}

/** True where every filter of the command says that a test looks there itself; what a room sends never says so. */
function isOfTest(body: Document): boolean {
  const match = ((body['pipeline'] ?? []) as Document[])[0]?.['$match'] as unknown;
  const statements = (body['deletes'] ?? body['updates'] ?? []) as Document[];
  const filters = [body['filter'], body['query'], match, ...statements.map(({ q }) => q as unknown)].filter(
    (filter): filter is Document => typeof filter === 'object' && filter !== null,
  );
  return filters.length > 0 && filters.every((filter) => filter['$comment'] === EVERY_ROW.$comment);
}

function noteCursor(state: RouterState, router: Listener, command: WireCommand, reply: Buffer): void {
  if (!['find', 'aggregate', 'listIndexes', 'listCollections'].includes(command.name)) return;
  const cursor = replyDocument(reply)['cursor'] as Document | undefined;
  if (cursor !== undefined && String(cursor['id']) !== '0') state.cursors.set(String(cursor['id']), router);
}
