import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { openDatabase, type Database } from '../lib/db/index.ts';
import { attachEmbedded } from '../lib/embedded/index.ts';
import type { Lifecycle } from '../lib/kernel/lifecycle.ts';
import type { Logger } from '../lib/kernel/logger.ts';
import { CommandError } from './command-error.ts';
import { prepareDataDirectory, requireDataDirectory } from './data-directory.ts';

/** Where a migration reads or writes. */
export interface MigrationPlace {
  /** Connection string; '': the embedded engine of the data directory. */
  readonly uri: string;
  readonly dataDir: string;
  /** Database in MongoDB. */
  readonly name: string;
}

export interface OpenedPlace {
  readonly database: Database;
  /** Tells it from others, without credentials. */
  readonly fingerprint: string;
}

/** Documents are large and servers may be slow; nobody waits for a command here. */
const ANSWER_MS = 60_000;

/**
 * `embedded`, `embedded:DIR`, or a MongoDB connection string, whose path names the database.
 * @param usual for what the text leaves open
 */
export function parsePlace(text: string, usual: Omit<MigrationPlace, 'uri'>): MigrationPlace {
  const embedded = /^embedded(?::(.+))?$/.exec(text);
  if (embedded !== null) return { ...usual, uri: '', dataDir: embedded[1] ?? usual.dataDir };
  const mongodb = /^mongodb(?:\+srv)?:\/\/[^/]+(?:\/([^?]*))?/.exec(text);
  if (mongodb === null) throw new CommandError(`${text}: write embedded, embedded:DIR, or mongodb://HOST/DATABASE`);
  const name = mongodb[1] ?? '';
  return { ...usual, uri: text, name: name === '' ? usual.name : name };
}

/** @param makes a data directory that is not there */
export async function openPlace(
  place: MigrationPlace,
  { logger, lifecycle, makes }: { readonly logger: Logger; readonly lifecycle: Lifecycle; readonly makes: boolean },
): Promise<OpenedPlace> {
  if (place.uri !== '') {
    const database = await openDatabase({ uri: place.uri, name: place.name, answerMs: ANSWER_MS });
    lifecycle.add({ name: 'database', stop: () => database.close() });
    const hosts = /:\/\/(?:[^@/]*@)?([^/?]+)/.exec(place.uri)?.[1] ?? '';
    return { database, fingerprint: hashOf(`${hosts}/${place.name}`) };
  }
  const dataDir = makes ? await prepareDataDirectory(place.dataDir) : await requireDataDirectory(place.dataDir);
  const engine = await attachEmbedded({ dataDir, logger });
  lifecycle.add({ name: 'embedded engine', stop: () => engine.close() });
  const database = await openDatabase({ uri: engine.uri, name: place.name, answerMs: ANSWER_MS });
  lifecycle.add({ name: 'database', stop: () => database.close() });
  return { database, fingerprint: hashOf(`embedded:${await realpath(dataDir)}/${place.name}`) };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
