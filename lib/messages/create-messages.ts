import { randomBytes } from 'node:crypto';
import type { Attachments } from '../attachments/index.ts';
import { orTemporary, type Database } from '../db/index.ts';
import type { ContentCipher } from '../encryption/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId, MailboxId, MessageId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { LruCache } from '../kernel/lru-cache.ts';
import { defaultsOf } from '../kernel/section.ts';
import { checkMessage, type MessageProblem } from './check-message.ts';
import { copyMessage } from './copy-message.ts';
import { DigestPacker } from './digest-packer.ts';
import { DigestPacksCollection } from './digest-packs-collection.ts';
import { MessageCollection } from './message-collection.ts';
import type { MessageSummary } from './message-record.ts';
import { OpenedMessage } from './open-message.ts';
import { ContentReader } from './read-content.ts';
import { readDigests } from './read-digests.ts';
import { readPackedDigests } from './read-packed-digests.ts';
import { ReadMessage, readMessage } from './read-message.ts';
import { Renderings } from './renderings.ts';
import { repairMessage } from './repair-message.ts';
import { messagesSection, type MessagesSettings } from './settings.ts';
import { storeMessage } from './store-message.ts';
import type {
  DigestField,
  DigestPlace,
  DigestRow,
  FoldedPlace,
  IngestOptions,
  IngestedMessage,
  ListedDigest,
  MessageContent,
  MessageDigest,
  MessageRenderer,
  Messages,
  StoreOptions,
  StoredMessage,
} from './messages.ts';

export interface MessagesOptions {
  readonly database: Database;
  readonly attachments: Attachments;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly renderer: MessageRenderer;
  /** Where large messages lie while they are being stored; created where it is missing. */
  readonly spoolDir: string;
  readonly settings?: Partial<MessagesSettings>;
  /** Seals what is written, and opens what was sealed. Without it what was sealed cannot be read. */
  readonly cipher?: ContentCipher | undefined;
}

/** The room with what only keepers of the store need. */
export interface MessagesRoom extends Messages {
  /** Reads a message whole and holds it against its hash; for checks of the store. No problems: an empty list. */
  checkMessage(account: AccountId, messageId: MessageId): Promise<readonly MessageProblem[]>;
  /** Makes again what `checkMessage` misses and what is there can give. @returns what was done, as sentences */
  repairMessage(account: AccountId, messageId: MessageId): Promise<readonly string[]>;
  /** All message ids of an account, live or not, in batches. */
  messageIds(account: AccountId): AsyncIterable<MessageId>;
  /** What an account's message documents say of themselves, live or not, in batches; for making the account anew. */
  stored(account: AccountId): AsyncIterable<StoredNumbers>;
  /**
   * Mailboxes have been written down: their digests are packed in the background.
   * @param forgotten mailboxes that were deleted long ago
   */
  packFolded(account: AccountId, places: readonly FoldedPlace[], forgotten: readonly MailboxId[]): void;
  /**
   * Seals all message documents anew that are not sealed with the current key; with `isPlain` opens all that are.
   * What is written meanwhile is sealed right by whoever writes it.
   */
  reseal(options: { readonly isPlain?: boolean; readonly signal?: AbortSignal }): Promise<ResealReport>;
  /** Resolves when no pack waits to be written. */
  packed(): Promise<void>;
  /** Ends the work in the background. */
  close(): Promise<void>;
}

export interface ResealReport {
  readonly seen: number;
  readonly rewritten: number;
}

/** What a message document says of its message. */
type StoredNumbers = Pick<
  MessageSummary,
  'messageId' | 'thread' | 'size' | 'crlfSize' | 'receivedAt' | 'writtenAtQ' | 'sentAt'
>;

const CACHE_LIFETIME_MS = 5 * 60 * 1000;
const COPIES_AT_ONCE = 8;
const RENEW_BATCH = 1000;
const PAGE = 256;

export function createMessages(options: MessagesOptions): MessagesRoom {
  return new StoredMessages(options, new MessageCollection(options.database, options.cipher));
}

class StoredMessages implements MessagesRoom {
  readonly #options: MessagesOptions;
  readonly #settings: MessagesSettings;
  readonly #messages: MessageCollection;
  readonly #renderings: Renderings;
  readonly #packs: DigestPacksCollection;
  readonly #packer: DigestPacker;
  readonly #opened: LruCache<string, OpenedMessage>;

  constructor(options: MessagesOptions, messages: MessageCollection) {
    this.#options = options;
    this.#settings = { ...defaultsOf(messagesSection), ...options.settings };
    this.#messages = messages;
    this.#renderings = new Renderings({ ...options, messages });
    this.#packs = new DigestPacksCollection(options.database, options.cipher);
    this.#packer = new DigestPacker(this.#packing());
    this.#opened = new LruCache({
      clock: options.clock,
      maxWeight: this.#settings.cacheOctets,
      lifetimeMs: CACHE_LIFETIME_MS,
    });
  }

  ingest(source: AsyncIterable<Buffer>, options: IngestOptions): Promise<IngestedMessage> {
    const { attachmentOctets, memoryOctets } = this.#settings;
    return readMessage(source, options, { directory: this.#options.spoolDir, memoryOctets }, attachmentOctets);
  }

  store(account: AccountId, ingested: IngestedMessage, options: StoreOptions): Promise<StoredMessage> {
    if (!(ingested instanceof ReadMessage)) throw new TypeError('only what this room has ingested can be stored');
    const { attachments, renderer, logger } = this.#options;
    return storeMessage({ messages: this.#messages, attachments, renderer, logger }, account, ingested, options);
  }

  async open(account: AccountId, messageId: MessageId): Promise<MessageContent> {
    const opened = await this.#opened.load(
      account + messageId,
      () => this.#open(account, messageId),
      (message) => message.weight,
    );
    if (opened === undefined) throw notFound();
    return opened;
  }

  digests(account: AccountId, messageIds: readonly MessageId[]): AsyncIterable<MessageDigest | undefined> {
    return readDigests(this.#messages, this.#renderings, account, messageIds);
  }

  digestsIn(
    account: AccountId,
    place: DigestPlace,
    rows: Iterable<DigestRow>,
    fields: readonly DigestField[],
  ): AsyncIterable<readonly (ListedDigest | undefined)[]> {
    return readPackedDigests({ ...this.#packing(), packer: this.#packer }, account, place, rows, fields);
  }

  packFolded(account: AccountId, places: readonly FoldedPlace[], forgotten: readonly MailboxId[]): void {
    this.#packer.folded(account, places, forgotten);
  }

  packed(): Promise<void> {
    return this.#packer.settled();
  }

  close(): Promise<void> {
    return this.#packer.close();
  }

  async copyTo(source: AccountId, target: AccountId, messageIds: readonly MessageId[]): Promise<void> {
    const { attachments, clock } = this.#options;
    const waiting = messageIds.values();
    const worker = async (): Promise<void> => {
      for (const messageId of waiting) {
        await copyMessage({ messages: this.#messages, attachments }, source, target, messageId, clock.now());
      }
    };
    await Promise.all(Array.from({ length: Math.min(COPIES_AT_ONCE, messageIds.length) }, worker));
  }

  async renew(account: AccountId, messageIds: readonly MessageId[]): Promise<readonly boolean[]> {
    const results: boolean[] = [];
    for (let start = 0; start < messageIds.length; start += RENEW_BATCH) {
      const keys = messageIds.slice(start, start + RENEW_BATCH).map((messageId) => ({ account, messageId }));
      results.push(...(await orTemporary(() => this.#messages.renew(keys, randomBytes(8)))));
    }
    return results;
  }

  checkMessage(account: AccountId, messageId: MessageId): Promise<readonly MessageProblem[]> {
    return checkMessage(this.#messages, this.#renderings, this.#options.attachments, account, messageId);
  }

  repairMessage(account: AccountId, messageId: MessageId): Promise<readonly string[]> {
    return repairMessage(this.#messages, this.#renderings, this.#options.attachments, account, messageId);
  }

  async *messageIds(account: AccountId): AsyncGenerator<MessageId, void, undefined> {
    for (
      let page = await this.#page(undefined, account);
      page.length > 0;
      page = await this.#page(page.at(-1), account)
    ) {
      for (const { messageId } of page) yield messageId;
    }
  }

  async reseal({ isPlain, signal }: Parameters<MessagesRoom['reseal']>[0]): Promise<ResealReport> {
    const report = { seen: 0, rewritten: 0 };
    let after: Parameters<MessageCollection['resealPage']>[0];
    for (;;) {
      signal?.throwIfAborted();
      const { seen, rewritten, last } = await this.#messages.resealPage(after, PAGE, isPlain === true);
      report.seen += seen;
      report.rewritten += rewritten;
      if (last === undefined || seen < PAGE) return report;
      after = last;
    }
  }

  #packing(): ConstructorParameters<typeof DigestPacker>[0] {
    const { logger } = this.#options;
    return { messages: this.#messages, packs: this.#packs, renderings: this.#renderings, logger };
  }

  async *stored(account: AccountId): AsyncGenerator<StoredNumbers, void, undefined> {
    for (
      let page = await this.#page(undefined, account);
      page.length > 0;
      page = await this.#page(page.at(-1), account)
    ) {
      const ids = page.map(({ messageId }) => messageId);
      const summaries = await this.#messages.summaries(account, ids);
      for (const id of ids) {
        const summary = summaries.get(id);
        if (summary === undefined) continue;
        const { messageId, thread, size, crlfSize, receivedAt, writtenAtQ, sentAt } = summary;
        yield { messageId, thread, size, crlfSize, receivedAt, writtenAtQ, sentAt };
      }
    }
  }

  #page(
    after: { readonly account: AccountId; readonly messageId: MessageId } | undefined,
    account: AccountId,
  ): ReturnType<MessageCollection['page']> {
    return orTemporary(() => this.#messages.page(after, PAGE, account));
  }

  async #open(account: AccountId, messageId: MessageId): Promise<OpenedMessage | undefined> {
    const record = await this.#messages.find({ account, messageId });
    if (record === undefined) return undefined;
    const { rendered } = record;
    const rendering = await (this.#renderings.isStale(rendered)
      ? this.#renderings.renew(record)
      : this.#renderings.fetch(rendered));
    return new OpenedMessage(record, rendering, new ContentReader(record, this.#options.attachments));
  }
}

function notFound(): MailError {
  return new MailError('message-not-found', 'There is no such message');
}
