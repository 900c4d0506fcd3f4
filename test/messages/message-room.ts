import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAttachments, type AttachmentsRoom } from '../../lib/attachments/index.ts';
import type { Database } from '../../lib/db/index.ts';
import type { ContentCipher } from '../../lib/encryption/index.ts';
import type { Clock } from '../../lib/kernel/clock.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import {
  createMessages,
  type MessageRenderer,
  type MessagesRoom,
  type MessagesSettings,
  type StoreOptions,
  type StoredMessage,
} from '../../lib/messages/index.ts';
import { openTestDatabase } from '../support/database.ts';

/** A clock that stands until it is moved. */
export interface MovableClock extends Clock {
  advance(ms: number): void;
}

export function movableClock(start = Date.UTC(2026, 0, 1)): MovableClock {
  let now = start;
  return {
    now: () => now,
    monotonic: () => now,
    advance: (ms) => {
      now += ms;
    },
  };
}

/** Renders so that a test sees what was rendered and by which version. */
export function plainRenderer(version = 1): MessageRenderer {
  return {
    version,
    render: (message) => ({
      envelope: Buffer.from(`E${version}:${message.parts[0]?.headerOctets?.toString('latin1') ?? ''}`),
      bodyStructure: Buffer.from(
        `S${version}:${message.parts.map((part) => `${part.type}/${part.subtype}`).join(' ')}`,
      ),
      body: Buffer.from(`B${version}:${message.parts.length}`),
    }),
  };
}

export interface MessageRoomOptions {
  readonly renderer?: MessageRenderer;
  readonly settings?: Partial<MessagesSettings>;
  readonly clock?: MovableClock;
  readonly cipher?: ContentCipher | undefined;
  /** Has the database's client tell of its commands. */
  readonly monitorCommands?: boolean;
}

/** The room on a database of its own. */
export interface TestRoom {
  readonly database: Database;
  readonly clock: MovableClock;
  readonly attachments: AttachmentsRoom;
  readonly messages: MessagesRoom;
  /** Another process's view of the same database. */
  another(options?: MessageRoomOptions): { readonly attachments: AttachmentsRoom; readonly messages: MessagesRoom };
  /** Reads and stores octets; an append unless told. */
  put(account: AccountId, octets: Buffer, options?: Partial<StoreOptions>): Promise<StoredMessage>;
  close(): Promise<void>;
}

export async function openTestRoom(options: MessageRoomOptions = {}): Promise<TestRoom> {
  const database = await openTestDatabase({ monitorCommands: options.monitorCommands ?? false });
  const spoolDir = await mkdtemp(join(tmpdir(), 'eider-spool-'));
  const clock = options.clock ?? movableClock();
  const make = (more: MessageRoomOptions): { attachments: AttachmentsRoom; messages: MessagesRoom } => {
    const { cipher } = more;
    const attachments = createAttachments({ database, clock, cipher });
    const renderer = more.renderer ?? plainRenderer();
    const settings = more.settings ?? {};
    return {
      attachments,
      messages: createMessages({
        database,
        attachments,
        clock,
        logger: silentLogger,
        renderer,
        spoolDir,
        settings,
        cipher,
      }),
    };
  };
  const { attachments, messages } = make(options);
  return {
    database,
    clock,
    attachments,
    messages,
    another: (more) => make({ ...options, ...more }),
    put: async (account, octets, store) => {
      const ingested = await messages.ingest(inPieces(octets, 64 * 1024), { maxOctets: 1 << 30 });
      try {
        return await messages.store(account, ingested, { ...APPEND, now: clock.now(), ...store });
      } finally {
        await ingested.dispose();
      }
    },
    close: async () => {
      await database.close();
      await rm(spoolDir, { recursive: true });
    },
  };
}

export const APPEND = {
  origin: { kind: 'append' },
  prefix: Buffer.alloc(0),
  q: 1,
  now: 0,
} as const satisfies StoreOptions;

/** The octets in pieces of a size. */
export async function* inPieces(octets: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < octets.length; start += size) yield octets.subarray(start, start + size);
}

export async function collect(octets: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of octets) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
