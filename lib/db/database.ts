import { boundReads } from './bounded-reads.ts';
import { ConnectionUse } from './connection-use.ts';
import { MongoClient, ReadConcern, WriteConcern, type Collection, type Db, type Document } from 'mongodb';
import './driver-connections.ts';

export interface DatabaseOptions {
  readonly uri: string;
  /** Database name; the URI's own, else `eider`. */
  readonly name?: string;
  /** Connections kept to each server. One costs 40–70 % more CPU at 16 operations in flight than several. */
  readonly poolSize?: number;
  /** How long one operation may wait for a usable server, in milliseconds. */
  readonly serverSelectionMs?: number;
  /**
   * After so many milliseconds without an answer a connection is given up. A server that still works says so itself
   * before: reads and waits for replication are limited to four fifths of it.
   */
  readonly answerMs?: number;
  /** Emits command events, for counting round trips. */
  readonly monitorCommands?: boolean;
}

/** The one connection of a process to its database, with the guarantees that the journal is built on. */
export interface Database {
  readonly client: MongoClient;
  readonly db: Db;
  collection<T extends Document>(name: string): Collection<T>;
  readonly connectionUse: ConnectionUse;
  close(): Promise<void>;
}

const SERVER_SELECTION_MS = 5000;
const ANSWER_MS = 10_000;

/**
 * Connects with `w: majority, j: true` for writes and majority reads from the primary (DESIGN section 1): an
 * acknowledged write survives the loss of any one node, and no read shows what could be rolled back. Nothing waits for
 * ever: a server that is frozen, or behind a network that swallows everything, is a failure after `answerMs`; the driver
 * tries reads and single writes once more.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { serverSelectionMs = SERVER_SELECTION_MS, answerMs = ANSWER_MS } = options;
  const limitMs = Math.ceil(answerMs * 0.8);
  const concerns = {
    writeConcern: new WriteConcern('majority', limitMs, true),
    readConcern: new ReadConcern('majority'),
    readPreference: 'primary',
  } as const;
  const client = new MongoClient(options.uri, {
    ...concerns,
    retryWrites: true,
    retryReads: true,
    maxPoolSize: options.poolSize ?? 8,
    serverSelectionTimeoutMS: serverSelectionMs,
    socketTimeoutMS: answerMs,
    connectTimeoutMS: Math.min(answerMs, serverSelectionMs),
    waitQueueTimeoutMS: answerMs,
    monitorCommands: options.monitorCommands ?? false,
    ignoreUndefined: true,
  });
  const connectionUse = new ConnectionUse(client);
  await client.connect();
  // Said again here: a connection string with `journal` or `readConcernLevel` would outweigh what the client is told.
  const db = boundReads(client.db(options.name ?? 'eider', concerns), limitMs);
  return {
    client,
    db,
    collection: (name) => db.collection(name),
    connectionUse,
    close: () => client.close(),
  };
}
