import { Binary, type Collection, type Document } from 'mongodb';
import {
  createCoalescingInserter,
  orTemporary,
  toTemporary,
  type CoalescingInserter,
  type Database,
} from '../db/index.ts';
import type { ContentCipher } from '../encryption/index.ts';
import type { AccountId, MessageId } from '../kernel/ids.ts';
import {
  accountIn,
  keyOf,
  messageIdIn,
  nameIn,
  nameOf,
  octetsOf,
  renderedFields,
  sentAtOf,
  summaryNumbers,
  toCandidate,
  toDocument,
  toRecord,
  toSummary,
  type MessageFields,
  type MessageKey,
  type RenewedMessage,
  type SweepCandidate,
} from './message-document.ts';
import type { MessageRecord, MessageSummary, StoredRendering } from './message-record.ts';
import { FieldSeal, sealableOf } from './sealed-fields.ts';

/** What the driver makes of it. */
type MessageDocument = MessageFields & Document;

/** Everything but what makes up the octets. */
const SUMMARY = { skeleton: 0, segments: 0, attachments: 0, dataHash: 0 } as const;
const KEY_OCTETS = 28;

/** Octets of documents that may wait for the insert before theirs. */
const WAITING_OCTETS = 32 * 1024 * 1024;

/** `messages`: one document per message and account. */
export class MessageCollection {
  readonly #collection: Collection<MessageDocument>;
  readonly #inserter: CoalescingInserter<MessageDocument>;
  readonly #seal: FieldSeal;

  constructor(database: Database, cipher?: ContentCipher) {
    this.#seal = new FieldSeal(cipher);
    this.#collection = database.db.collection<MessageDocument>('messages', { promoteBuffers: true });
    this.#inserter = createCoalescingInserter(this.#collection, { octetsOf, waitingOctets: WAITING_OCTETS });
  }

  /**
   * False where there is such a document.
   * @throws MailError `unavailable`, also where the outcome is unknown: to insert the same message again is harmless
   */
  async insert(record: MessageRecord): Promise<boolean> {
    const outcome = await this.#inserter.insert(this.#sealed(toDocument(record)));
    if (outcome.kind === 'inserted') return true;
    if (outcome.kind === 'duplicate') return false;
    throw toTemporary(outcome.error);
  }

  /** Draws a document's `rev` anew, and where the refs were renewed their token; undefined where it is gone. */
  async renewOne(key: MessageKey, rev: Buffer, refToken: Buffer | undefined): Promise<RenewedMessage | undefined> {
    const projection = { size: 1, crlfSize: 1, receivedAt: 1, writtenAtQ: 1, thread: 1, sentAt: 1, sentZone: 1 };
    const update = { $set: refToken === undefined ? { rev } : { rev, refToken } };
    const document = await orTemporary(() =>
      this.#collection.findOneAndUpdate({ _id: keyOf(key) }, update, { returnDocument: 'after', projection }),
    );
    return document === null ? undefined : { ...summaryNumbers(document), sentAt: sentAtOf(document) };
  }

  /** Draws `rev` anew; for each key, whether the document is there. */
  async renew(keys: readonly MessageKey[], rev: Buffer): Promise<readonly boolean[]> {
    const ids = keys.map(keyOf);
    const { matchedCount } = await this.#collection.updateMany({ _id: { $in: ids } }, { $set: { rev } });
    if (matchedCount === new Set(ids.map((id) => id.toString('hex'))).size) return keys.map(() => true);
    const found = await this.#collection.find({ _id: { $in: ids } }, { projection: { rev: 1 } }).toArray();
    const renewed = new Set(
      found.filter((document) => document.rev.equals(rev)).map((document) => document._id.toString('hex')),
    );
    return ids.map((id) => renewed.has(id.toString('hex')));
  }

  async markRaised(key: MessageKey, at: number): Promise<void> {
    await orTemporary(() => this.#collection.updateOne({ _id: keyOf(key) }, { $set: { raisedAt: at } }));
  }

  async find(key: MessageKey): Promise<MessageRecord | undefined> {
    const document = await orTemporary(() => this.#collection.findOne({ _id: keyOf(key) }));
    return document === null ? undefined : toRecord(this.#opened(document));
  }

  /** Those that are there, by message id. */
  async summaries(
    account: AccountId,
    messageIds: readonly MessageId[],
  ): Promise<ReadonlyMap<MessageId, MessageSummary>> {
    const ids = messageIds.map((messageId) => keyOf({ account, messageId }));
    const documents = await orTemporary(() =>
      this.#collection.find({ _id: { $in: ids } }, { projection: SUMMARY, batchSize: ids.length + 1 }).toArray(),
    );
    return new Map(documents.map((document) => [messageIdIn(document), toSummary(this.#opened(document))]));
  }

  /** Replaces what another version of the renderer has made; sealed where the rest of the document is. */
  async replaceRendering(record: MessageRecord, oldVersion: number, rendered: StoredRendering): Promise<void> {
    const isSealed = record.sealedWith !== undefined;
    const plain = renderedFields(rendered);
    const fields: Document = { ...plain, ...(isSealed ? this.#seal.seal(nameOf(record), plain) : {}) };
    // A field tells its own key; that of the document is of the fields that stay as they are.
    delete fields['sealedWith'];
    const unset =
      rendered.kind === 'inline'
        ? ['renderedIn', 'renderedLengths']
        : ['envelope', 'bodyStructure', 'body', 'headers', 'parts'];
    await this.#collection.updateOne(
      { _id: keyOf(record), renderVersion: oldVersion, sealedWith: { $exists: isSealed } },
      { $set: fields, $unset: Object.fromEntries(unset.map((name) => [name, ''])) },
    );
  }

  /**
   * The documents of a page that are not sealed with the key that seals now, or with `isPlain` all that are sealed at
   * all, are sealed anew, or opened. @returns how many were, and the last key of the page
   */
  async resealPage(
    after: MessageKey | undefined,
    limit: number,
    isPlain: boolean,
  ): Promise<{ readonly seen: number; readonly rewritten: number; readonly last: MessageKey | undefined }> {
    const wanted = isPlain ? undefined : this.#seal.currentKey;
    const low =
      after === undefined ? { $gte: new Binary(Buffer.alloc(KEY_OCTETS)) } : { $gt: new Binary(keyOf(after)) };
    const bounds = { ...low, $lte: new Binary(Buffer.alloc(KEY_OCTETS, 0xff)) };
    const documents = await orTemporary(() =>
      this.#collection
        .find({ _id: bounds } as unknown as Document)
        .sort({ _id: 1 })
        .limit(limit)
        .toArray(),
    );
    let rewritten = 0;
    for (const document of documents) {
      const { sealedWith, renderVersion } = document;
      if (sealedWith !== wanted && (await this.#reseal(document, sealedWith, renderVersion, isPlain))) rewritten += 1;
    }
    const last = documents.at(-1);
    return {
      seen: documents.length,
      rewritten,
      last: last === undefined ? undefined : { account: accountIn(last), messageId: messageIdIn(last) },
    };
  }

  /** False where the document has changed since it was read: another rendering, another seal, or it is gone. */
  async #reseal(
    document: MessageDocument,
    sealedWith: string | undefined,
    renderVersion: number,
    isPlain: boolean,
  ): Promise<boolean> {
    const opened = sealableOf(this.#opened(document));
    const fields = isPlain ? opened : this.#seal.seal(nameIn(document), opened);
    const { modifiedCount } = await orTemporary(() =>
      this.#collection.updateOne(
        { _id: document._id, renderVersion, sealedWith: sealedWith ?? { $exists: false } },
        { $set: fields as Document, ...(isPlain ? { $unset: { sealedWith: '' } } : {}) },
      ),
    );
    return modifiedCount === 1;
  }

  #sealed(document: MessageFields): MessageDocument {
    return { ...document, ...this.#seal.seal(nameIn(document), document) } as MessageDocument;
  }

  #opened(document: MessageDocument): MessageDocument {
    if (document.sealedWith === undefined) return document;
    return { ...document, ...this.#seal.open(nameIn(document), document) } as MessageDocument;
  }

  /** In the order of the keys. */
  async exist(keys: readonly MessageKey[]): Promise<readonly boolean[]> {
    const ids = keys.map(keyOf);
    const documents = await this.#collection.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray();
    const found = new Set(documents.map((document) => document._id.toString('hex')));
    return ids.map((id) => found.has(id.toString('hex')));
  }

  /** The next documents in order of key; of one account where it is given. */
  async page(after: MessageKey | undefined, limit: number, account?: AccountId): Promise<SweepCandidate[]> {
    const low =
      account === undefined ? Buffer.alloc(KEY_OCTETS) : Buffer.concat([Buffer.from(account, 'hex'), Buffer.alloc(16)]);
    const high =
      account === undefined
        ? Buffer.alloc(KEY_OCTETS, 0xff)
        : Buffer.concat([Buffer.from(account, 'hex'), Buffer.alloc(16, 0xff)]);
    const from = after === undefined ? { $gte: new Binary(low) } : { $gt: new Binary(keyOf(after)) };
    const documents = await this.#collection
      .find({ _id: { ...from, $lte: new Binary(high) } } as unknown as Document, {
        projection: { rev: 1, size: 1, receivedAt: 1, raisedAt: 1, attachments: 1, refToken: 1, renderedIn: 1 },
      })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    return documents.map(toCandidate);
  }

  /** Deletes the document if it is still the one looked at. */
  async delete(candidate: SweepCandidate): Promise<boolean> {
    const result = await this.#collection.deleteOne({ _id: keyOf(candidate), rev: candidate.rev });
    return result.deletedCount === 1;
  }
}
