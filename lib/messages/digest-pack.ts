import { promisify } from 'node:util';
import { zstdCompress, zstdDecompressSync } from 'node:zlib';
import type { MessageId } from '../kernel/ids.ts';
import { partsOf } from './digest.ts';
import type { DigestField, DigestRow, ListedDigest, StoredPart } from './messages.ts';
import { OctetReader } from './octet-coding.ts';

/** UIDs of one pack: those from a multiple of this number up to the next. */
export const PACK_UIDS = 256;

export const DIGEST_FIELDS = ['envelope', 'bodyStructure', 'body', 'headers', 'preview', 'parts'] as const;

/** Octets of one message in all fields; with more it is left to its own document. */
const MOST_ENTRY_OCTETS = 16 * 1024;
const MOST_FRAME_OCTETS = PACK_UIDS * (MOST_ENTRY_OCTETS + 4);

/** What of an entry stands in the table: low octet of the UID, marks, message id. */
const ROW_OCTETS = 18;
const IS_APART = 1;
const HAS_ALL_HEADERS = 2;
const HAS_ATTACHMENTS = 4;

const compress = promisify(zstdCompress);

/** A pack as stored; of the frames, those that were asked for. */
export interface StoredPack {
  /** Of the renderer that made what is packed. */
  readonly version: number;
  readonly table: Buffer;
  readonly frames: Partial<Readonly<Record<DigestField, Buffer>>>;
}

export interface PackableDigest {
  readonly hasAllHeaders: boolean;
  readonly hasAttachments: boolean;
  frame(field: DigestField): Buffer;
}

/** One message to be packed; without a digest it is marked as having none here. */
export interface PackEntry extends DigestRow {
  readonly digest: PackableDigest | undefined;
}

/** Packs neighbours, in order of UID, field by field: what stands beside its like compresses best. */
export async function packDigests(entries: readonly PackEntry[], version: number): Promise<StoredPack> {
  const table = Buffer.alloc(entries.length * ROW_OCTETS);
  const isApart = entries.map(({ digest }) => digest === undefined || octetsOf(digest) > MOST_ENTRY_OCTETS);
  for (const [index, { uid, messageId, digest }] of entries.entries()) {
    const marks =
      (isApart[index] === true ? IS_APART : 0) |
      (digest?.hasAllHeaders === true ? HAS_ALL_HEADERS : 0) |
      (digest?.hasAttachments === true ? HAS_ATTACHMENTS : 0);
    table[index * ROW_OCTETS] = uid % PACK_UIDS;
    table[index * ROW_OCTETS + 1] = marks;
    table.write(messageId, index * ROW_OCTETS + 2, 'hex');
  }
  const frames: Partial<Record<DigestField, Buffer>> = {};
  for (const field of DIGEST_FIELDS) {
    const pieces = entries.map(({ digest }, index) =>
      digest === undefined || isApart[index] === true ? NOTHING : digest.frame(field),
    );
    const lengths = Buffer.alloc(pieces.length * 4);
    for (const [index, piece] of pieces.entries()) lengths.writeUInt32LE(piece.length, index * 4);
    frames[field] = await compress(Buffer.concat([lengths, ...pieces]));
  }
  return { version, table, frames };
}

const NOTHING = Buffer.alloc(0);

function octetsOf(digest: PackableDigest): number {
  return DIGEST_FIELDS.reduce((sum, field) => sum + digest.frame(field).length, 0);
}

/** A pack as read, with the frames that were asked for. */
export class DigestPack {
  readonly version: number;
  readonly count: number;
  readonly #table: Buffer;
  readonly #frames = new Map<DigestField, Frame>();
  /** Place in the table by the low octet of the UID, plus one. */
  readonly #places = new Uint16Array(PACK_UIDS);

  /** @throws RangeError or an error of zstd where the octets are damaged */
  constructor(stored: StoredPack) {
    this.version = stored.version;
    this.count = stored.table.length / ROW_OCTETS;
    this.#table = stored.table;
    if (!Number.isInteger(this.count)) throw new RangeError('a pack of odd length');
    for (let index = 0; index < this.count; index += 1) this.#places[this.#table[index * ROW_OCTETS] ?? 0] = index + 1;
    for (const field of DIGEST_FIELDS) {
      const packed = stored.frames[field];
      if (packed !== undefined) this.#frames.set(field, new Frame(packed, this.count));
    }
  }

  /** The entry's place; undefined where another message lies there, or none. */
  find({ uid, messageId }: DigestRow): number | undefined {
    const index = (this.#places[uid % PACK_UIDS] ?? 0) - 1;
    if (index < 0) return undefined;
    const start = index * ROW_OCTETS + 2;
    return this.#table.toString('hex', start, start + 16) === messageId ? index : undefined;
  }

  /** True where the message is to be read from its own document. */
  isApart(index: number): boolean {
    return this.#has(index, IS_APART);
  }

  hasAllHeaders(index: number): boolean {
    return this.#has(index, HAS_ALL_HEADERS);
  }

  hasAttachments(index: number): boolean {
    return this.#has(index, HAS_ATTACHMENTS);
  }

  /** The entry to be packed anew. */
  entry(index: number): PackableDigest | undefined {
    if (this.isApart(index)) return undefined;
    return {
      hasAllHeaders: this.hasAllHeaders(index),
      hasAttachments: this.hasAttachments(index),
      frame: (field) => this.frame(field, index),
    };
  }

  /** @throws RangeError for a field that was not asked for */
  frame(field: DigestField, index: number): Buffer {
    const frame = this.#frames.get(field);
    if (frame === undefined) throw new RangeError(`a digest without ${field}`);
    return frame.at(index);
  }

  #has(index: number, mark: number): boolean {
    return ((this.#table[index * ROW_OCTETS + 1] ?? 0) & mark) !== 0;
  }
}

/** One field of all entries. */
class Frame {
  readonly #octets: Buffer;
  readonly #ends: Uint32Array;

  constructor(packed: Buffer, count: number) {
    const octets = zstdDecompressSync(packed, { maxOutputLength: MOST_FRAME_OCTETS });
    this.#octets = octets;
    this.#ends = new Uint32Array(count + 1);
    let end = count * 4;
    this.#ends[0] = end;
    for (let index = 0; index < count; index += 1) {
      end += octets.readUInt32LE(index * 4);
      this.#ends[index + 1] = end;
    }
    if (end !== octets.length) throw new RangeError('a frame of another length');
  }

  at(index: number): Buffer {
    return this.#octets.subarray(this.#ends[index], this.#ends[index + 1]);
  }
}

/** A digest out of a pack; of the fields, those that were asked for. */
export class PackedDigest implements ListedDigest {
  readonly messageId: MessageId;
  readonly #pack: DigestPack;
  readonly #index: number;

  constructor(pack: DigestPack, index: number, messageId: MessageId) {
    this.messageId = messageId;
    this.#pack = pack;
    this.#index = index;
  }

  get envelope(): Buffer {
    return this.#pack.frame('envelope', this.#index);
  }

  get bodyStructure(): Buffer {
    return this.#pack.frame('bodyStructure', this.#index);
  }

  get body(): Buffer {
    return this.#pack.frame('body', this.#index);
  }

  get headers(): Buffer {
    return this.#pack.frame('headers', this.#index);
  }

  get hasAllHeaders(): boolean {
    return this.#pack.hasAllHeaders(this.#index);
  }

  get hasAttachments(): boolean {
    return this.#pack.hasAttachments(this.#index);
  }

  get preview(): string {
    return this.#pack.frame('preview', this.#index).toString();
  }

  get parts(): readonly StoredPart[] {
    const frame = this.#pack.frame('parts', this.#index);
    const reader = new OctetReader(frame);
    const prefixOctets = reader.number();
    return partsOf(this.messageId, { octets: frame.subarray(reader.position), prefixOctets });
  }
}
