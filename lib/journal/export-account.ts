import { decodeRawDocument, openRawDocuments, type Database, type RawDocuments, type RawRange } from '../db/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId, MailboxId, MessageId } from '../kernel/ids.ts';
import type { Checkpoint } from './checkpoint.ts';
import { decodeStoredCheckpoint } from './checkpoints-collection.ts';
import { Columns } from './columns.ts';
import { decodeRecord, type StoredRecord } from './record-codec.ts';
import { addRowSegment } from './segments.ts';

/** What of an account's journal travels: documents as they are stored, under the keys that they have. */
export type JournalEntryKind = 'checkpoint' | 'segment' | 'record';

export interface JournalEntry {
  readonly kind: JournalEntryKind;
  readonly raw: Buffer;
  /** The record's, or that of the checkpoint that the segment belongs to. */
  readonly q: number;
  /** What the place `q` in this journal has and no other journal's: the record's token, or a checkpoint's own. */
  readonly mark: string;
  /** The messages that the entry names, each as often as it does. */
  readonly messageIds: readonly MessageId[];
}

export interface JournalExport {
  /** `q` of the last record; 0 where there is none. */
  lastQ(account: AccountId): Promise<number>;
  /**
   * Whether the journal still goes through the place where `mark` was read. False also where that can no longer be told:
   * a database that was set back goes on with other records under the same numbers.
   */
  goesThrough(account: AccountId, q: number, mark: string): Promise<boolean>;
  /**
   * The journal after `after` in order of `q`. Where those records are no longer all there, or `after` is 0 and the
   * oldest have gone, it begins with a checkpoint and its segments; a checkpoint in the middle begins anew, and all that
   * came before it counts for nothing.
   * @throws MailError `unavailable`, also where the journal has a gap that nothing fills
   */
  read(account: AccountId, after: number): AsyncGenerator<JournalEntry, void, undefined>;
}

const HIGHEST_Q = 2 ** 48 - 1;
const ATTEMPTS = 5;
const KEY_OCTETS = 12;

interface Collections {
  readonly journal: RawDocuments;
  readonly checkpoints: RawDocuments;
  readonly segments: RawDocuments;
}

/** Reads accounts for who keeps them elsewhere; beside whoever writes to them. */
export function createJournalExport(database: Database): JournalExport {
  const collections: Collections = {
    journal: openRawDocuments(database, 'journal'),
    checkpoints: openRawDocuments(database, 'checkpoints'),
    segments: openRawDocuments(database, 'segments'),
  };
  return {
    lastQ: async (account) => {
      const last = await collections.journal.last(recordsAfter(account, 0));
      if (last !== undefined) return qOf(last);
      const checkpoints = await readCheckpoints(collections, account);
      return Math.max(0, ...checkpoints.map(({ checkpoint }) => checkpoint.q));
    },
    goesThrough: async (account, q, mark) => {
      const [record] = await collections.journal.find([recordKey(account, q)]);
      if (record !== undefined) return recordEntry(record, q).mark === mark;
      const standing = (await readCheckpoints(collections, account)).filter(({ checkpoint }) => checkpoint.q === q);
      return standing.some(({ checkpoint }) => checkpoint.rev === mark || checkpoint.token === mark);
    },
    read: (account, after) => readJournal(collections, account, after),
  };
}

async function* readJournal(
  collections: Collections,
  account: AccountId,
  after: number,
): AsyncGenerator<JournalEntry, void, undefined> {
  let q = after;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    let isWhole = true;
    for await (const raw of collections.journal.read(recordsAfter(account, q))) {
      if (qOf(raw) !== q + 1) {
        isWhole = false;
        break;
      }
      q += 1;
      yield recordEntry(raw, q);
    }
    if (isWhole) {
      // With no record after it, a position may be the last one or one below which everything has gone.
      const newest = Math.max(
        0,
        ...(await readCheckpoints(collections, account)).map(({ checkpoint }) => checkpoint.q),
      );
      if (newest <= q) return;
    }
    const begun = yield* readStart(collections, account);
    if (begun !== undefined) q = begun;
  }
  throw new MailError('unavailable', 'The account is not available at the moment, please try again', {
    cause: `the journal of ${account} has a gap after ${q}`,
  });
}

/**
 * The oldest checkpoint from which the records go on, with its segments.
 * @returns its `q`; undefined where there is none, or it went while it was read
 */
async function* readStart(
  collections: Collections,
  account: AccountId,
): AsyncGenerator<JournalEntry, number | undefined, undefined> {
  const checkpoints = await readCheckpoints(collections, account);
  for (const { checkpoint, raw } of checkpoints.sort((one, other) => one.checkpoint.q - other.checkpoint.q)) {
    if (!(await goesOn(collections, account, checkpoint.q))) continue;
    const { q } = checkpoint;
    const mark = checkpoint.rev;
    yield { kind: 'checkpoint', raw, q, mark, messageIds: [] };
    for (const { key, count, isRows } of segmentsOf(account, checkpoint)) {
      const [segment] = await collections.segments.find([key]);
      if (segment === undefined) return undefined;
      yield { kind: 'segment', raw: segment, q, mark, messageIds: isRows ? messageIdsInRows(segment, count) : [] };
    }
    return q;
  }
  return undefined;
}

/** Whether the next record after `q` is there, or none after it is. */
async function goesOn({ journal }: Collections, account: AccountId, q: number): Promise<boolean> {
  for await (const raw of journal.read({ ...recordsAfter(account, q), to: recordKey(account, q + 1) }))
    return qOf(raw) === q + 1;
  return (await journal.last(recordsAfter(account, q))) === undefined;
}

async function readCheckpoints(
  { checkpoints }: Collections,
  account: AccountId,
): Promise<{ readonly raw: Buffer; readonly checkpoint: Checkpoint }[]> {
  const found: { raw: Buffer; checkpoint: Checkpoint }[] = [];
  const owner = Buffer.from(account, 'hex');
  const range: RawRange = { from: Buffer.concat([owner, Buffer.of(0)]), to: Buffer.concat([owner, Buffer.of(0xff)]) };
  for await (const raw of checkpoints.read(range))
    found.push({ raw, checkpoint: decodeStoredCheckpoint(decodeRawDocument(raw)) });
  return found;
}

/** The segments that a checkpoint names, by their keys, in order. */
export function segmentsOf(
  account: AccountId,
  checkpoint: Checkpoint,
): { readonly key: Buffer; readonly mailbox: MailboxId; readonly count: number; readonly isRows: boolean }[] {
  return [...checkpoint.segments].flatMap(([mailbox, { rows, tombstones }]) =>
    [...rows.map((ref) => ({ ref, isRows: true })), ...tombstones.map((ref) => ({ ref, isRows: false }))].map(
      ({ ref, isRows }) => {
        const key = Buffer.alloc(36);
        key.write(account + mailbox + ref.generation, 'hex');
        key.writeUInt32BE(ref.number, 32);
        return { key, mailbox, count: ref.count, isRows };
      },
    ),
  );
}

/** What the document of a segment packs. @throws MailError `unavailable` */
export function packedIn(raw: Buffer): Buffer {
  const { v, packed } = decodeRawDocument(raw);
  if (v === 1 && Buffer.isBuffer(packed)) return packed;
  throw new MailError('unavailable', 'The account is not available at the moment', {
    cause: 'a segment of another kind',
  });
}

function messageIdsInRows(raw: Buffer, count: number): MessageId[] {
  const columns = new Columns(count);
  addRowSegment(columns, packedIn(raw), count);
  return Array.from({ length: columns.count }, (_, at) => columns.messageId(at));
}

function recordEntry(raw: Buffer, q: number): JournalEntry {
  const { changes, token } = decodeRecord(q, decodeRawDocument(raw) as unknown as StoredRecord);
  const rows = changes.flatMap((change) => (change.kind === 'append' ? change.rows : []));
  return { kind: 'record', raw, q, mark: token, messageIds: rows.map(({ messageId }) => messageId) };
}

/** The key of a document of the journal's three collections begins with its account. */
export function keyIn(raw: Buffer): Buffer {
  const id = decodeRawDocument(raw)['_id'];
  if (Buffer.isBuffer(id) && id.length > KEY_OCTETS) return id;
  throw new RangeError('a document without a key of the journal');
}

export function qOf(raw: Buffer): number {
  return keyIn(raw).readUIntBE(KEY_OCTETS, 6);
}

function recordsAfter(account: AccountId, q: number): RawRange {
  return { from: recordKey(account, q + 1), to: recordKey(account, HIGHEST_Q) };
}

function recordKey(account: AccountId, q: number): Buffer {
  const key = Buffer.alloc(18);
  key.write(account, 'hex');
  key.writeUIntBE(q, KEY_OCTETS, 6);
  return key;
}
