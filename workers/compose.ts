import { hostname as systemHostname } from 'node:os';
import { join } from 'node:path';
import { createAccounts, accountsSection, type Accounts } from '../lib/accounts/index.ts';
import { createAddresses, prepareAddresses, type Addresses } from '../lib/addresses/index.ts';
import { createAttachments, type AttachmentsRoom } from '../lib/attachments/index.ts';
import {
  authSection,
  createAccessTokens,
  createAuth,
  createMemoryLoginLimiter,
  createPasswordHasher,
  createSharedLoginLimiter,
  createSharedSessionLimit,
  prepareAccessTokens,
  type AccessTokens,
  type Auth,
  type LoginLimiter,
  type SessionLimit,
} from '../lib/auth/index.ts';
import type { Configuration } from '../lib/config/index.ts';
import { openDatabase, type Database, type UnfinishedWork } from '../lib/db/index.ts';
import type { ContentCipher } from '../lib/encryption/index.ts';
import { attachEmbedded } from '../lib/embedded/index.ts';
import { imapRenderer } from '../lib/frontends/imap/index.ts';
import {
  createMailboxes,
  createRedisHints,
  createSocketHints,
  journalSection,
  type Hints,
  type Journal,
} from '../lib/journal/index.ts';
import type { Clock } from '../lib/kernel/clock.ts';
import { socketPathIn } from '../lib/kernel/socket-path.ts';
import { MailError } from '../lib/kernel/errors.ts';
import type { Lifecycle } from '../lib/kernel/lifecycle.ts';
import type { Logger } from '../lib/kernel/logger.ts';
import {
  createMessages,
  createSweep,
  messagesSection,
  type MessagesRoom,
  type Sweep,
  type SweepReferences,
} from '../lib/messages/index.ts';
import { newNodeId } from '../lib/nodes/index.ts';
import { createRedis, redisSection, type Redis } from '../lib/redis/index.ts';
import { openContentCipher } from './content-cipher.ts';
import { refuseUnfinished } from './refuse-unfinished.ts';
import { databaseSection, serverSection } from './settings.ts';

/** The hint socket makes names of its own beside its path. */
const LONGEST_HINT_PATH = 80;

/** What every process of Eider has, whatever it does with it. */
export interface Surroundings {
  readonly configuration: Configuration;
  /** Absolute. */
  readonly dataDir: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Takes what has to be stopped. */
  readonly lifecycle: Lifecycle;
  /** For who goes on with such work or accepts it: a store that is in the middle of it is opened too. */
  readonly goesOn?: UnfinishedWork['kind'];
  /** Has the database's client tell of its commands, for counting round trips. */
  readonly monitorCommands?: true;
}

/** The rooms, connected. */
export interface Store {
  readonly database: Database;
  readonly mailboxes: Journal;
  readonly messages: MessagesRoom;
  readonly attachments: AttachmentsRoom;
  readonly addresses: Addresses;
  readonly accounts: Accounts;
  readonly auth: Auth;
  readonly accessTokens: AccessTokens;
  readonly sweep: Sweep;
  /** What seals contents at rest; undefined where no keys are configured. */
  readonly cipher: ContentCipher | undefined;
  /** This process among all that serve the store. */
  readonly node: string;
  /** Undefined where this process alone counts. */
  sessionLimit(protocol: string): SessionLimit | undefined;
}

/** Opens the database and wires the rooms; whatever is opened stops with the lifecycle. */
export async function openStore(surroundings: Surroundings): Promise<Store> {
  const { configuration, dataDir, logger, clock, lifecycle } = surroundings;
  const cipher = await openContentCipher(configuration);
  const database = await connect(surroundings);
  const redis = openRedis(surroundings);
  const hints = await openHints(surroundings, redis);
  lifecycle.add({ name: 'hints', stop: () => hints.close() });
  const { attachmentCacheOctets: cacheOctets } = configuration.get(messagesSection);
  const attachments = createAttachments({ database, clock, cacheOctets, cipher });
  const messages = createMessages({
    database,
    attachments,
    clock,
    logger,
    renderer: imapRenderer,
    spoolDir: join(dataDir, 'spool'),
    settings: configuration.get(messagesSection),
    cipher,
  });
  lifecycle.add({ name: 'digest packs', stop: () => messages.close() });
  const mailboxes = createMailboxes({
    database,
    clock,
    logger,
    hints,
    settings: configuration.get(journalSection),
    renew: (account, ids) => messages.renew(account, ids),
    onFolded: (account, { mailboxes: folded, forgotten }) => messages.packFolded(account, folded, forgotten),
  });
  lifecycle.add({ name: 'journal', stop: () => mailboxes.close() });
  const addresses = createAddresses({ database, clock });
  const accounts = createAccounts({
    database,
    mailboxes,
    addresses,
    passwords: createPasswordHasher(),
    settings: configuration.get(accountsSection),
    clock,
  });
  const limits = configuration.get(authSection);
  const auth = createAuth({ accounts, limiter: openLoginLimiter(surroundings, redis), clock });
  const accessTokens = createAccessTokens({ database, accounts, clock, settings: limits });
  const node = newNodeId();
  const sessionLimit = (protocol: string): SessionLimit | undefined => {
    if (redis === undefined) return undefined;
    const limit = createSharedSessionLimit({ redis, protocol, node });
    lifecycle.add({ name: `${protocol} sessions`, stop: async () => limit.close() });
    return limit;
  };
  await Promise.all([prepareAddresses(database), prepareAccessTokens(database)]);
  const sweep = createSweep({ database, attachments, clock, logger, references: sweepReferences(mailboxes) });
  return {
    database,
    mailboxes,
    messages,
    attachments,
    addresses,
    accounts,
    auth,
    accessTokens,
    sweep,
    cipher,
    node,
    sessionLimit,
  };
}

/** What the journal says of message data. An account that has been removed refers to nothing any more. */
function sweepReferences(mailboxes: Journal): SweepReferences {
  const orWhereRemoved = async <T>(answer: Promise<T>, ofRemoved: T): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof MailError && error.code === 'user-not-found') return ofRemoved;
      throw error;
    }
  };
  return {
    isReferenced: (account, ids, goneSince) =>
      orWhereRemoved(
        mailboxes.isLive(account, ids, goneSince),
        ids.map(() => false),
      ),
    announce: async (account, ids, goneSince) => {
      const allowed = new Set(await orWhereRemoved(mailboxes.sweep(account, ids, goneSince), ids));
      return ids.map((id) => allowed.has(id));
    },
  };
}

/**
 * The database of the configuration, or the embedded engine of the data directory.
 * @throws CommandError where it is half migrated or half restored
 */
export async function connect({
  configuration,
  dataDir,
  logger,
  lifecycle,
  goesOn,
  monitorCommands,
}: Surroundings): Promise<Database> {
  const settings = configuration.get(databaseSection);
  let { uri } = settings;
  if (uri === '') {
    const engine = await attachEmbedded({ dataDir, logger });
    lifecycle.add({ name: 'embedded engine', stop: () => engine.close() });
    uri = engine.uri;
  }
  const database = await openDatabase({
    uri,
    name: settings.name,
    poolSize: settings.poolSize,
    monitorCommands: monitorCommands ?? false,
  });
  lifecycle.add({ name: 'database', stop: () => database.close() });
  await refuseUnfinished(database, goesOn);
  return database;
}

/** Undefined where none is configured. */
function openRedis({ configuration, clock, logger, lifecycle }: Surroundings): Redis | undefined {
  const settings = configuration.get(redisSection);
  if (settings.uri === '') return undefined;
  const redis = createRedis({ settings, clock, logger });
  lifecycle.add({ name: 'redis', stop: () => redis.close() });
  return redis;
}

/** Counted by all nodes where they share a Redis. */
function openLoginLimiter({ configuration, clock }: Surroundings, redis: Redis | undefined): LoginLimiter {
  const limits = configuration.get(authSection);
  const local = createMemoryLoginLimiter({ limits, clock });
  return redis === undefined ? local : createSharedLoginLimiter({ redis, local, limits });
}

/** Between machines where there is Redis, else between the processes of the data directory. */
async function openHints({ dataDir, logger }: Surroundings, redis: Redis | undefined): Promise<Hints> {
  if (redis !== undefined) return createRedisHints(redis);
  return createSocketHints({ path: socketPathIn(dataDir, 'hints.sock', LONGEST_HINT_PATH), logger });
}

/** What this host calls itself in greetings and trace fields. */
export function hostnameOf(configuration: Configuration): string {
  const { hostname } = configuration.get(serverSection);
  return hostname === '' ? systemHostname() : hostname;
}
