import { Binary, type Document } from 'mongodb';
import { isDuplicateKey, toTemporary, type Database } from '../db/index.ts';
import type { AccountId, MailboxId, MessageId } from '../kernel/ids.ts';
import { createAccountFinder, type AccountFinder } from './account-finder-collection.ts';
import type { DeliveredTo, MailboxHeader, RemovedMailbox, SweptBy } from './account-state.ts';
import { brokenJournal, otherFormat } from './damage.ts';
import {
  NO_CHECKPOINT,
  NO_SEGMENTS,
  type Checkpoint,
  type MailboxSegments,
  type RowSegmentRef,
  type TombstoneSegmentRef,
} from './checkpoint.ts';
import type { SpecialUse } from './journal.ts';
import type { CheckpointKind, JournalStore } from './journal-store.ts';
import { KeywordTable } from './keywords.ts';
import { PackReader, PackWriter } from './packing.ts';
import { decodeUidRanges, encodeUidRanges } from './uid-set.ts';

const CHECKPOINT_VERSION = 1;
/** In the last octet of the key. */
const KINDS: Readonly<Record<CheckpointKind, number>> = { head: 1, base: 2 };
const READ_LIMIT_MS = 10_000;

interface StoredMailbox {
  readonly id: Buffer;
  readonly path: string;
  readonly use?: SpecialUse;
  readonly noselect: boolean;
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly highestModSeq: number;
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  readonly octets: number;
  readonly keywords: readonly string[];
  readonly createdAt: number;
  readonly recentFrom: number;
  /** Packed row and tombstone segments; absent where there are none. */
  readonly segments?: Buffer;
  readonly removedAt?: number;
  readonly removedBy?: number;
}

interface CheckpointDocument extends Document {
  /** account (12 octets) || kind (1 octet). */
  readonly _id: Binary;
  readonly v: number;
  readonly q: number;
  readonly rev: Buffer;
  readonly token?: Buffer;
  readonly closed: boolean;
  readonly quota: number;
  readonly octets: number;
  readonly messages: number;
  readonly uidValidity: number;
  readonly subscriptions: readonly string[];
  readonly mailboxes: readonly StoredMailbox[];
  readonly removed: readonly StoredMailbox[];
  readonly deliveries: Buffer;
  readonly deliveriesFrom: number;
  readonly swept?: Buffer;
  readonly sweptFrom?: { readonly q: number; readonly at: number };
  readonly restored?: readonly { readonly m: Buffer; readonly uids: Buffer; readonly at: number }[];
}

/** The head checkpoint of each account, where reading starts, and the base, at which the journal begins. */
export function openCheckpointsCollection(
  database: Database,
): Pick<JournalStore, 'readCheckpoint' | 'replaceCheckpoint' | 'removeCheckpoint'> & AccountFinder {
  const collection = database.collection<CheckpointDocument>('checkpoints');
  return {
    readCheckpoint: async (account, kind = 'head') => {
      let found: CheckpointDocument | null;
      try {
        const options = { maxTimeMS: READ_LIMIT_MS, promoteBuffers: true };
        found = await collection.findOne({ _id: checkpointKey(account, kind) }, options);
      } catch (error) {
        throw toTemporary(error);
      }
      try {
        return found === null ? undefined : decodeCheckpoint(found);
      } catch (error) {
        // What a read that failed says is no damage; what was read and makes no sense is.
        if (error instanceof RangeError || error instanceof TypeError)
          throw brokenJournal(`the ${kind} checkpoint cannot be read: ${error.message}`);
        throw error;
      }
    },
    replaceCheckpoint: async (account, checkpoint, expected, kind = 'head') => {
      const document = encodeCheckpoint(checkpointKey(account, kind), checkpoint);
      try {
        if (expected === undefined) {
          await collection.insertOne(document);
          return true;
        }
        const { _id, ...fields } = document;
        const result = await collection.replaceOne(
          { _id, q: expected.q, rev: Buffer.from(expected.rev, 'hex') },
          fields,
        );
        return result.matchedCount === 1;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw toTemporary(error);
      }
    },
    removeCheckpoint: async (account, kind) => {
      try {
        await collection.deleteOne({ _id: checkpointKey(account, kind) });
      } catch (error) {
        throw toTemporary(error);
      }
    },
    nextAccount: createAccountFinder(collection, 13),
  };
}

function checkpointKey(account: AccountId, kind: CheckpointKind): Binary {
  return new Binary(Buffer.concat([Buffer.from(account, 'hex'), Buffer.of(KINDS[kind])]));
}

function encodeCheckpoint(_id: Binary, checkpoint: Checkpoint): CheckpointDocument {
  const segmentsOf = (id: MailboxId): MailboxSegments => checkpoint.segments.get(id) ?? NO_SEGMENTS;
  return {
    _id,
    v: CHECKPOINT_VERSION,
    q: checkpoint.q,
    rev: Buffer.from(checkpoint.rev, 'hex'),
    token: Buffer.from(checkpoint.token, 'hex'),
    closed: checkpoint.isClosed,
    quota: checkpoint.quotaOctets,
    octets: checkpoint.octets,
    messages: checkpoint.messages,
    uidValidity: checkpoint.uidValidity,
    subscriptions: checkpoint.subscriptions,
    mailboxes: checkpoint.mailboxes.map((header) => encodeMailbox(header, segmentsOf(header.id))),
    removed: checkpoint.removed.map(({ header, removedAt, q }) => ({
      ...encodeMailbox(header, segmentsOf(header.id)),
      removedAt,
      removedBy: q,
    })),
    deliveries: encodeDeliveries(checkpoint.deliveries),
    deliveriesFrom: checkpoint.deliveriesFrom,
    swept: encodeSwept(checkpoint.swept),
    sweptFrom: checkpoint.sweptFrom,
    restored: checkpoint.restored.map(({ mailbox, uids, at }) => ({
      m: Buffer.from(mailbox, 'hex'),
      uids: encodeUidRanges(uids),
      at,
    })),
  };
}

/** For what was read elsewhere. @throws MailError `unavailable` where its version is not known here */
export function decodeStoredCheckpoint(document: Readonly<Record<string, unknown>>): Checkpoint {
  return decodeCheckpoint(document as unknown as CheckpointDocument);
}

function decodeCheckpoint(stored: CheckpointDocument): Checkpoint {
  if (stored.v !== CHECKPOINT_VERSION) {
    throw otherFormat(`checkpoint version ${stored.v}`);
  }
  const segments = new Map<MailboxId, MailboxSegments>();
  for (const mailbox of [...stored.mailboxes, ...stored.removed]) {
    if (mailbox.segments !== undefined)
      segments.set(mailbox.id.toString('hex') as MailboxId, decodeSegments(mailbox.segments));
  }
  return {
    q: stored.q,
    rev: stored.rev.toString('hex'),
    token: stored.token?.toString('hex') ?? '',
    isClosed: stored.closed,
    quotaOctets: stored.quota,
    octets: stored.octets,
    messages: stored.messages,
    uidValidity: stored.uidValidity,
    subscriptions: stored.subscriptions,
    mailboxes: stored.mailboxes.map(decodeMailbox),
    removed: stored.removed.map((mailbox): RemovedMailbox => ({
      header: decodeMailbox(mailbox),
      removedAt: mailbox.removedAt ?? 0,
      q: mailbox.removedBy ?? 0,
    })),
    segments,
    deliveries: decodeDeliveries(stored.deliveries),
    deliveriesFrom: stored.deliveriesFrom,
    swept: stored.swept === undefined ? [] : decodeSwept(stored.swept),
    sweptFrom: stored.sweptFrom ?? NO_CHECKPOINT.sweptFrom,
    restored: (stored.restored ?? []).map(({ m, uids, at }) => ({
      mailbox: m.toString('hex') as MailboxId,
      uids: decodeUidRanges(uids),
      at,
    })),
  };
}

function encodeMailbox(header: MailboxHeader, segments: MailboxSegments): StoredMailbox {
  const { id, specialUse, isNoselect, keywords, ...rest } = header;
  return {
    ...rest,
    id: Buffer.from(id, 'hex'),
    ...(specialUse === undefined ? {} : { use: specialUse }),
    noselect: isNoselect,
    keywords: keywords.names,
    ...(segments === NO_SEGMENTS ? {} : { segments: encodeSegments(segments) }),
  };
}

function decodeMailbox(stored: StoredMailbox): MailboxHeader {
  return {
    id: stored.id.toString('hex') as MailboxId,
    path: stored.path,
    specialUse: stored.use,
    isNoselect: stored.noselect,
    uidValidity: stored.uidValidity,
    uidNext: stored.uidNext,
    highestModSeq: stored.highestModSeq,
    messages: stored.messages,
    unseen: stored.unseen,
    deleted: stored.deleted,
    octets: stored.octets,
    keywords: stored.keywords.length === 0 ? KeywordTable.empty : new KeywordTable(stored.keywords),
    createdAt: stored.createdAt,
    recentFrom: stored.recentFrom,
  };
}

function encodeSegments({ rows, tombstones, tombstoneFloor }: MailboxSegments): Buffer {
  const writer = new PackWriter(16 + rows.length * 24 + tombstones.length * 32);
  writer.varint(tombstoneFloor);
  writer.varint(rows.length);
  for (const { generation, number, count, first, last } of rows) {
    writer.hex(generation);
    for (const value of [number, count, first, last]) writer.varint(value);
  }
  writer.varint(tombstones.length);
  for (const { generation, number, count, lastQ, lastAt } of tombstones) {
    writer.hex(generation);
    for (const value of [number, count, lastQ, lastAt]) writer.varint(value);
  }
  return writer.finish();
}

function decodeSegments(packed: Buffer): MailboxSegments {
  const reader = new PackReader(packed);
  const tombstoneFloor = reader.varint();
  const rows = Array.from({ length: reader.varint() }, (): RowSegmentRef => ({
    generation: reader.hex(8),
    number: reader.varint(),
    count: reader.varint(),
    first: reader.varint(),
    last: reader.varint(),
  }));
  const tombstones = Array.from({ length: reader.varint() }, (): TombstoneSegmentRef => ({
    generation: reader.hex(8),
    number: reader.varint(),
    count: reader.varint(),
    lastQ: reader.varint(),
    lastAt: reader.varint(),
  }));
  return { rows, tombstones, tombstoneFloor };
}

function encodeDeliveries(deliveries: Checkpoint['deliveries']): Buffer {
  const writer = new PackWriter(8 + deliveries.length * 48);
  for (const [messageId, { mailbox, uidValidity, uid, q }] of deliveries) {
    writer.hex(messageId);
    writer.hex(mailbox);
    for (const value of [uidValidity, uid, q]) writer.varint(value);
  }
  return writer.finish();
}

function decodeDeliveries(packed: Buffer): Checkpoint['deliveries'] {
  const reader = new PackReader(packed);
  const deliveries: [MessageId, DeliveredTo][] = [];
  while (!reader.isAtEnd) {
    const messageId = reader.hex(16) as MessageId;
    const mailbox = reader.hex(12) as MailboxId;
    deliveries.push([messageId, { mailbox, uidValidity: reader.varint(), uid: reader.varint(), q: reader.varint() }]);
  }
  return deliveries;
}

function encodeSwept(swept: Checkpoint['swept']): Buffer {
  const writer = new PackWriter(8 + swept.length * 28);
  for (const [messageId, { q, at }] of swept) {
    writer.hex(messageId);
    for (const value of [q, at]) writer.varint(value);
  }
  return writer.finish();
}

function decodeSwept(packed: Buffer): Checkpoint['swept'] {
  const reader = new PackReader(packed);
  const swept: [MessageId, SweptBy][] = [];
  while (!reader.isAtEnd) {
    const messageId = reader.hex(16) as MessageId;
    swept.push([messageId, { q: reader.varint(), at: reader.varint() }]);
  }
  return swept;
}
