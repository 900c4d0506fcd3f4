import { randomBytes } from 'node:crypto';
import type { Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { openNodesCollection, type NodeRow } from './nodes-collection.ts';

/** What a process does, in the order in which it is shown. */
export const NODE_ROLES = ['imap', 'pop3', 'lmtp', 'api', 'worker'] as const;
export type NodeRole = (typeof NODE_ROLES)[number];

/** How busy a process is, as of its last sign of life. */
export interface NodeLoad {
  /** By protocol; those that are not served are absent. */
  readonly connections: ReadonlyMap<string, number>;
  /** Commands, deliveries and requests, averaged since the sign of life before. */
  readonly commandsPerSecond: number;
  /** 99th percentile of how late timers came since then, in milliseconds. */
  readonly loopDelayMs: number;
  /** Resident. */
  readonly memoryOctets: number;
}

export interface NodeInfo extends NodeLoad {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly roles: readonly string[];
  readonly version: string;
  /** Milliseconds since 1970, as `seenAt`. */
  readonly startedAt: number;
  readonly seenAt: number;
  /** `gone`: it has not been heard of and did not say goodbye. */
  readonly state: 'alive' | 'draining' | 'gone';
}

/** Who is there. */
export interface Nodes {
  /** By host and process id; those that are gone for an hour at most. @throws MailError `unavailable` */
  list(): Promise<readonly NodeInfo[]>;
}

/** This process among the nodes. Nothing that is correct depends on it: it is for those who look. */
export interface Membership {
  readonly isDraining: boolean;
  /** Shows itself and goes on doing so; a database in trouble is tried again. @throws MailError `unavailable` */
  join(): Promise<void>;
  /** Takes nothing new from here on. */
  drain(): Promise<void>;
  leave(): Promise<void>;
}

export interface MembershipOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The id is this process's alone. */
  readonly self: Pick<NodeInfo, 'id' | 'host' | 'pid' | 'version'> & { readonly roles: readonly NodeRole[] };
  /** Since it was asked the last time. */
  readonly load: () => NodeLoad;
  /** How often it shows itself, in milliseconds; its lease lasts three times as long. */
  readonly intervalMs?: number;
}

const INTERVAL_MS = 10_000;
const LEASE_INTERVALS = 3;
const SHOWN_GONE_MS = 3_600_000;
const MOST_NODES = 10_000;

/** An id for one run of one process. */
export function newNodeId(): string {
  return randomBytes(12).toString('hex');
}

export function createNodes({ database, clock }: { readonly database: Database; readonly clock: Clock }): Nodes {
  const rows = openNodesCollection(database);
  return {
    list: async () => {
      const now = clock.now();
      const found = (await rows.list(MOST_NODES)).filter(({ leaseUntil }) => leaseUntil > now - SHOWN_GONE_MS);
      return found.map((row) => toInfo(row, now)).sort(byHost);
    },
  };
}

function byHost(one: NodeInfo, two: NodeInfo): number {
  return one.host === two.host ? one.pid - two.pid : one.host < two.host ? -1 : 1;
}

function toInfo({ _id, leaseUntil, isDraining, connections, ...row }: NodeRow, now: number): NodeInfo {
  return {
    id: _id,
    host: row.host,
    pid: row.pid,
    roles: row.roles,
    version: row.version,
    startedAt: row.startedAt,
    seenAt: row.seenAt,
    state: leaseUntil <= now ? 'gone' : isDraining ? 'draining' : 'alive',
    connections: new Map(connections.map(({ protocol, count }) => [protocol, count])),
    commandsPerSecond: row.commandsPerSecond,
    loopDelayMs: row.loopDelayMs,
    memoryOctets: row.memoryOctets,
  };
}

export function createMembership(options: MembershipOptions): Membership {
  const { clock, logger, self, load, intervalMs = INTERVAL_MS } = options;
  const rows = openNodesCollection(options.database);
  const { id, ...told } = self;
  const startedAt = clock.now();
  let isDraining = false;
  let hasLeft = false;
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  const show = async (): Promise<void> => {
    const { connections, ...rest } = load();
    const now = clock.now();
    const shown = [...connections].map(([protocol, count]) => ({ protocol, count }));
    const leaseUntil = now + LEASE_INTERVALS * intervalMs;
    const row = { _id: id, v: 1, ...told, startedAt, seenAt: now, leaseUntil, isDraining, connections: shown, ...rest };
    await rows.put(row as NodeRow);
    await rows.removeEndedBefore(now - SHOWN_GONE_MS);
  };
  /** One after another: an older word must not be the last. */
  const showAgain = (): Promise<void> => {
    writing = writing
      .then(() => (hasLeft ? undefined : show()))
      .catch((error: unknown) => {
        logger.warn({ err: error }, 'this node could not show itself to the others');
      });
    return writing;
  };

  return {
    get isDraining() {
      return isDraining;
    },
    join: async () => {
      await show();
      timer = setInterval(() => void showAgain(), intervalMs).unref();
    },
    drain: () => {
      isDraining = true;
      return timer === undefined ? Promise.resolve() : showAgain();
    },
    leave: async () => {
      clearInterval(timer);
      hasLeft = true;
      await writing;
      if (timer !== undefined) await rows.remove(id);
    },
  };
}
