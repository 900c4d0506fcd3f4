import { Binary, type Collection, type Document } from 'mongodb';
import { orTemporary, type Database } from '../db/index.ts';
import { SealError, type ContentCipher } from '../encryption/index.ts';
import type { AccountId, MailboxId } from '../kernel/ids.ts';
import type { StoredPack } from './digest-pack.ts';
import type { DigestField } from './messages.ts';

/** A pack's place: the UIDs from `block` times the number of UIDs in a pack. */
export interface PackKey {
  readonly account: AccountId;
  readonly mailbox: MailboxId;
  readonly block: number;
}

interface PackDocument extends Document {
  /** account (12) || mailbox (12) || block (4, big endian) */
  readonly _id: Buffer;
  readonly v: number;
  readonly renderVersion: number;
  readonly table: Buffer;
  /** Id of the key that sealed the frames; undefined where they are not. */
  readonly sealedWith?: string;
  readonly envelope?: Buffer;
  readonly bodyStructure?: Buffer;
  readonly body?: Buffer;
  readonly headers?: Buffer;
  readonly preview?: Buffer;
  readonly parts?: Buffer;
}

const VERSION = 1;
const READ_LIMIT_MS = 10_000;
const REMOVED_AT_ONCE = 1000;

/** `digestPacks`: digests of up to 256 neighbours in one document; derived, so that each may be missing or old. */
export class DigestPacksCollection {
  readonly #collection: Collection<PackDocument>;
  readonly #cipher: ContentCipher | undefined;

  constructor(database: Database, cipher?: ContentCipher) {
    this.#cipher = cipher;
    this.#collection = database.db.collection<PackDocument>('digestPacks', { promoteBuffers: true });
  }

  /** Those that are there, by block. @throws MailError `unavailable` */
  async read(
    account: AccountId,
    mailbox: MailboxId,
    blocks: readonly number[],
    fields: readonly DigestField[],
  ): Promise<ReadonlyMap<number, StoredPack>> {
    const ids = blocks.map((block) => keyOf({ account, mailbox, block }));
    const projection = Object.fromEntries(
      ['v', 'renderVersion', 'table', 'sealedWith', ...fields].map((name) => [name, 1]),
    );
    const documents = await orTemporary(() =>
      this.#collection.find({ _id: { $in: ids } }, { projection, maxTimeMS: READ_LIMIT_MS }).toArray(),
    );
    const packs = new Map<number, StoredPack>();
    for (const document of documents) {
      if (document.v !== VERSION) continue;
      const { renderVersion: version, table } = document;
      const frames = this.#openFrames(document, fields);
      // What does not open is as good as missing: all of it can be made again.
      if (frames === undefined) continue;
      packs.set(document._id.readUInt32BE(24), { version, table, frames });
    }
    return packs;
  }

  async write(key: PackKey, { version, table, frames }: StoredPack): Promise<void> {
    const _id = keyOf(key);
    const sealed = this.#sealFrames(_id, frames);
    await orTemporary(() =>
      this.#collection.replaceOne({ _id }, { v: VERSION, renderVersion: version, table, ...sealed }, { upsert: true }),
    );
  }

  #sealFrames(_id: Buffer, frames: StoredPack['frames']): StoredPack['frames'] & { readonly sealedWith?: string } {
    const cipher = this.#cipher;
    if (cipher === undefined) return frames;
    const sealed = Object.entries(frames).map(([field, frame]) => [field, cipher.seal(_id, field, frame)] as const);
    return { ...Object.fromEntries(sealed), sealedWith: cipher.currentKey };
  }

  #openFrames(document: PackDocument, fields: readonly DigestField[]): StoredPack['frames'] | undefined {
    const frames: Partial<Record<DigestField, Buffer>> = {};
    try {
      for (const field of fields) {
        const frame = document[field];
        if (frame === undefined) continue;
        if (document.sealedWith === undefined) frames[field] = frame;
        else if (this.#cipher === undefined) return undefined;
        else frames[field] = this.#cipher.open(document._id, field, frame);
      }
    } catch (error) {
      if (error instanceof SealError) return undefined;
      throw error;
    }
    return frames;
  }

  async remove(account: AccountId, mailbox: MailboxId, blocks: readonly number[]): Promise<void> {
    for (let start = 0; start < blocks.length; start += REMOVED_AT_ONCE) {
      const ids = blocks.slice(start, start + REMOVED_AT_ONCE).map((block) => keyOf({ account, mailbox, block }));
      await orTemporary(() => this.#collection.deleteMany({ _id: { $in: ids } }));
    }
  }

  /** All packs of a mailbox, or of the whole account. */
  async removeAll(account: AccountId, mailbox = ''): Promise<void> {
    const first = new Binary(Buffer.from((account + mailbox).padEnd(56, '0'), 'hex'));
    const last = new Binary(Buffer.from((account + mailbox).padEnd(56, 'f'), 'hex'));
    await orTemporary(() => this.#collection.deleteMany({ _id: { $gte: first, $lte: last } } as unknown as Document));
  }
}

function keyOf({ account, mailbox, block }: PackKey): Buffer {
  const key = Buffer.alloc(28);
  key.write(account + mailbox, 'hex');
  key.writeUInt32BE(block, 24);
  return key;
}
