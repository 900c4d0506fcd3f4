import { MailError } from '../kernel/errors.ts';
import type { MailboxId, MessageId } from '../kernel/ids.ts';
import type { AppendOrigin, Change, JournalRecord } from './changes.ts';
import type { FlagChange, SpecialUse } from './journal.ts';
import { decodeRows, encodeRows } from './row-codec.ts';
import { decodeUidRanges, encodeUidRanges } from './uid-set.ts';

/** A record of another version is never skipped: its account is unavailable here until the program is newer. */
const RECORD_VERSION = 1;

/** A record as it is stored, but for its key. Buffers stand for Binaries. */
export interface StoredRecord {
  readonly v: number;
  readonly at: number;
  readonly token: Buffer;
  /** First four octets of the token of the record before. */
  readonly after?: number;
  readonly changes: readonly StoredChange[];
}

/** `k` is the kind; the other fields are short, for every journal document carries them. */
export type StoredChange = Readonly<Record<string, string | number | boolean | Buffer | readonly string[] | undefined>>;

export function encodeRecord(record: JournalRecord): StoredRecord {
  return {
    v: RECORD_VERSION,
    at: record.at,
    token: Buffer.from(record.token, 'hex'),
    ...(record.follows === undefined ? {} : { after: Buffer.from(record.follows, 'hex').readInt32BE(0) }),
    changes: record.changes.map((change) => encodeChange(change, record.at)),
  };
}

/** A record that this program cannot read: none that it wrote itself. */
class UnreadableRecord extends MailError {
  readonly q: number;

  constructor(q: number, cause: unknown) {
    super('unavailable', 'The account is not available here at the moment', { cause });
    this.q = q;
  }
}

/** Where the record stands that could not be read; undefined for other errors. */
export function unreadableAt(error: unknown): number | undefined {
  return error instanceof UnreadableRecord ? error.q : undefined;
}

/** @throws MailError `unavailable` for a version or kind that this program does not know, or damaged data */
export function decodeRecord(q: number, stored: StoredRecord): JournalRecord {
  if (stored.v !== RECORD_VERSION) throw new UnreadableRecord(q, `record version ${stored.v}`);
  try {
    return {
      q,
      at: stored.at,
      token: stored.token.toString('hex'),
      ...(stored.after === undefined ? {} : { follows: (stored.after >>> 0).toString(16).padStart(8, '0') }),
      changes: stored.changes.map((change) => decodeChange(new Fields(change), stored.at)),
    };
  } catch (error) {
    throw new UnreadableRecord(q, error);
  }
}

function encodeChange(change: Change, at: number): StoredChange {
  switch (change.kind) {
    case 'init':
    case 'quota':
      return { k: change.kind, quota: change.quotaOctets };
    case 'close':
      return { k: change.kind };
    case 'create':
      return {
        k: change.kind,
        m: octets(change.mailbox),
        path: change.path,
        use: change.specialUse,
        validity: change.uidValidity,
      };
    case 'remove':
      return {
        k: change.kind,
        m: octets(change.mailbox),
        name: change.placeholder === undefined ? undefined : octets(change.placeholder),
      };
    case 'rename':
      return { k: change.kind, from: change.from, to: change.to };
    case 'subscribe':
      return { k: change.kind, path: change.path, on: change.isSubscribed };
    case 'append':
      return { k: change.kind, m: octets(change.mailbox), origin: change.origin, rows: encodeRows(change.rows, at) };
    case 'flags':
      return {
        k: change.kind,
        m: octets(change.mailbox),
        uids: encodeUidRanges(change.uids),
        mode: change.change.mode,
        system: change.change.flags.system,
        keywords: change.change.flags.keywords,
        unseen: change.unseen,
        deleted: change.deleted,
      };
    case 'expunge':
      return {
        k: change.kind,
        m: octets(change.mailbox),
        uids: encodeUidRanges(change.uids),
        octets: change.octets,
        unseen: change.unseen,
        deleted: change.deleted,
      };
    case 'recent':
      return { k: change.kind, m: octets(change.mailbox), from: change.from };
    case 'restore':
      return { k: change.kind, m: octets(change.mailbox), uids: encodeUidRanges(change.uids) };
    case 'recount': {
      const { messages, unseen, deleted, octets: size, uidNext } = change;
      return { k: change.kind, m: octets(change.mailbox), messages, unseen, deleted, octets: size, next: uidNext };
    }
    case 'sweep':
      return { k: change.kind, ids: Buffer.from(change.messageIds.join(''), 'hex') };
  }
}

function decodeChange(fields: Fields, at: number): Change {
  const kind = fields.text('k');
  switch (kind) {
    case 'init':
    case 'quota':
      return { kind, quotaOctets: fields.number('quota') };
    case 'close':
      return { kind };
    case 'create':
      return {
        kind,
        mailbox: fields.mailbox('m'),
        path: fields.text('path'),
        specialUse: fields.has('use') ? (fields.text('use') as SpecialUse) : undefined,
        uidValidity: fields.number('validity'),
      };
    case 'remove':
      return {
        kind,
        mailbox: fields.mailbox('m'),
        placeholder: fields.has('name') ? fields.mailbox('name') : undefined,
      };
    case 'rename':
      return { kind, from: fields.text('from'), to: fields.text('to') };
    case 'subscribe':
      return { kind, path: fields.text('path'), isSubscribed: fields.is('on') };
    case 'append':
      return {
        kind,
        mailbox: fields.mailbox('m'),
        origin: fields.oneOf<AppendOrigin>('origin', ['append', 'delivery', 'copy']),
        rows: decodeRows(fields.octets('rows'), at),
      };
    case 'flags':
      return {
        kind,
        mailbox: fields.mailbox('m'),
        uids: decodeUidRanges(fields.octets('uids')),
        change: {
          mode: fields.oneOf<FlagChange['mode']>('mode', ['replace', 'add', 'remove']),
          flags: { system: fields.number('system'), keywords: fields.texts('keywords') },
        },
        unseen: fields.number('unseen'),
        deleted: fields.number('deleted'),
      };
    case 'expunge':
      return {
        kind,
        mailbox: fields.mailbox('m'),
        uids: decodeUidRanges(fields.octets('uids')),
        octets: fields.number('octets'),
        unseen: fields.number('unseen'),
        deleted: fields.number('deleted'),
      };
    case 'recent':
      return { kind, mailbox: fields.mailbox('m'), from: fields.number('from') };
    case 'restore':
      return { kind, mailbox: fields.mailbox('m'), uids: decodeUidRanges(fields.octets('uids')) };
    case 'recount':
      return {
        kind,
        mailbox: fields.mailbox('m'),
        messages: fields.number('messages'),
        unseen: fields.number('unseen'),
        deleted: fields.number('deleted'),
        octets: fields.number('octets'),
        uidNext: fields.number('next'),
      };
    case 'sweep':
      return { kind, messageIds: messageIdsIn(fields.octets('ids')) };
    default:
      throw new Error(`change of kind ${kind}`);
  }
}

/** The fields of a stored change, each with the type it must have. */
class Fields {
  readonly #change: StoredChange;

  constructor(change: StoredChange) {
    this.#change = change;
  }

  has(name: string): boolean {
    return this.#change[name] !== undefined;
  }

  text(name: string): string {
    const value = this.#change[name];
    return typeof value === 'string' ? value : wrongType(name);
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const text = this.text(name);
    return values.find((value) => value === text) ?? wrongType(name);
  }

  number(name: string): number {
    const value = this.#change[name];
    return typeof value === 'number' ? value : wrongType(name);
  }

  is(name: string): boolean {
    const value = this.#change[name];
    return typeof value === 'boolean' ? value : wrongType(name);
  }

  octets(name: string): Buffer {
    const value = this.#change[name];
    return Buffer.isBuffer(value) ? value : wrongType(name);
  }

  texts(name: string): readonly string[] {
    const value = this.#change[name];
    return Array.isArray(value) ? value.map(String) : wrongType(name);
  }

  mailbox(name: string): MailboxId {
    return this.octets(name).toString('hex') as MailboxId;
  }
}

function messageIdsIn(packed: Buffer): MessageId[] {
  const text = packed.toString('hex');
  return Array.from(
    { length: Math.floor(text.length / 32) },
    (_, index) => text.slice(index * 32, index * 32 + 32) as MessageId,
  );
}

function octets(id: MailboxId): Buffer {
  return Buffer.from(id, 'hex');
}

function wrongType(name: string): never {
  throw new Error(`field ${name} of another type`);
}
