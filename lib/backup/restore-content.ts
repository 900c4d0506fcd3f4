import { crashPoint } from '../kernel/crash-point.ts';
import type { KeptAttachments } from '../attachments/index.ts';
import type { AttachmentId, AccountId, MessageId } from '../kernel/ids.ts';
import type { CarriedMessage } from '../messages/index.ts';
import { readAttachments } from './account-index.ts';
import { AttachmentArchive } from './attachment-archive.ts';
import type { RestoreRooms } from './backup-rooms.ts';
import type { BackupSet } from './backup-set.ts';
import type { UserLine } from './catalogue.ts';
import { damageIn, readMessages } from './read-account.ts';
import { DamagedObject } from './sealed-object.ts';

export interface ContentOptions {
  /** Reads and checks everything, and writes nothing. */
  readonly isDryRun?: boolean;
  /** Called for each damage, and what is damaged is left out. Without it the first damage is thrown. */
  readonly onDamage?: (sentence: string) => void;
  readonly onMessage?: () => void;
  /** Called before each batch is written; what it throws ends the restore. */
  readonly beforeWrite?: () => Promise<void>;
  /** Called for each message that is sealed with a key which is not here: until it is, nobody can read the message. */
  readonly onLockedMessage?: (keyId: string) => void;
}

/** Octets of documents that are written together. */
const BATCH_OCTETS = 4 * 1024 * 1024;
const BATCH = 200;
/** Attachments that are kept together, and octets of those of one message. */
const ATTACHMENTS_AT_ONCE = 200;
const SMALL_OCTETS = 1024 * 1024;

/**
 * Writes the content of messages under an account, attachments before what refers to them.
 * @returns those that are not to be had
 * @throws DamagedObject, WrongKey, MailError `unavailable`
 */
export async function restoreContent(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  account: AccountId,
  wanted: ReadonlySet<MessageId>,
  options: ContentOptions,
): Promise<ReadonlySet<MessageId>> {
  const missing = new Set(wanted);
  if (missing.size === 0) return missing;
  const writer = new ContentWriter(rooms, set, account, await sizesOf(set, line, options), options);
  const done = (written: readonly CarriedMessage[]): void => {
    for (const { messageId, sealedWith } of written) {
      missing.delete(messageId);
      if (sealedWith !== undefined && !rooms.opensContentOf(sealedWith)) options.onLockedMessage?.(sealedWith);
      options.onMessage?.();
    }
  };
  for await (const message of readMessages(set, line, wanted, options.onDamage)) done(await writer.add(message));
  done(await writer.flush());
  for (const messageId of missing) {
    const sentence = `user ${line.username}: message ${messageId} is not in the backup`;
    if (options.onDamage === undefined) throw new DamagedObject(line.index[0]?.name ?? line.id, sentence);
    options.onDamage(sentence);
  }
  return missing;
}

async function sizesOf(
  set: BackupSet,
  line: UserLine,
  { onDamage }: ContentOptions,
): Promise<ReadonlyMap<AttachmentId, number>> {
  const sizes = new Map<AttachmentId, number>();
  for (const part of line.index) {
    try {
      for (const [id, size] of await readAttachments(set, part)) sizes.set(id, size);
    } catch (error) {
      const sentence = damageIn(error);
      if (onDamage === undefined || sentence === undefined) throw error;
      onDamage(`user ${line.username}: ${sentence}`);
    }
  }
  return sizes;
}

class ContentWriter {
  readonly #rooms: RestoreRooms;
  readonly #account: AccountId;
  readonly #archive: AttachmentArchive;
  readonly #sizes: ReadonlyMap<AttachmentId, number>;
  readonly #options: ContentOptions;
  /** Attachments that are there by now. */
  readonly #kept = new Set<AttachmentId>();
  #waiting: CarriedMessage[] = [];
  #octets = 0;

  constructor(
    rooms: RestoreRooms,
    set: BackupSet,
    account: AccountId,
    sizes: ReadonlyMap<AttachmentId, number>,
    options: ContentOptions,
  ) {
    this.#rooms = rooms;
    this.#account = account;
    this.#archive = new AttachmentArchive(set);
    this.#sizes = sizes;
    this.#options = options;
  }

  /** @returns those that are written by now */
  async add(message: CarriedMessage): Promise<readonly CarriedMessage[]> {
    this.#waiting.push(message);
    this.#octets += message.raw.length;
    return this.#octets >= BATCH_OCTETS || this.#waiting.length >= BATCH ? this.flush() : [];
  }

  /** @returns those that are written now; not among them are those of which an attachment is damaged */
  async flush(): Promise<readonly CarriedMessage[]> {
    if (this.#waiting.length > 0) await this.#options.beforeWrite?.();
    const messages = this.#waiting;
    this.#waiting = [];
    this.#octets = 0;
    const whole = new Set<CarriedMessage>();
    // What is large is held one at a time.
    for (const message of messages)
      if (!this.#isSmall(message) && (await this.#keepOrTell(message))) whole.add(message);
    const small = messages.filter((message) => !whole.has(message) && this.#isSmall(message));
    for (const some of groupsOf(small)) for (const message of await this.#keepSmall(some)) whole.add(message);
    const written = messages.filter((message) => whole.has(message));
    if (this.#options.isDryRun !== true && written.length > 0) await this.#rooms.messages.write(this.#account, written);
    crashPoint('restore.content-written');
    return written;
  }

  #isSmall({ attachments }: CarriedMessage): boolean {
    const fresh = attachments.filter((id) => !this.#kept.has(id));
    return fresh.reduce((sum, id) => sum + (this.#sizes.get(id) ?? 0), 0) <= SMALL_OCTETS;
  }

  /** A database writes many small things together in the time of one. */
  async #keepSmall(messages: readonly CarriedMessage[]): Promise<readonly CarriedMessage[]> {
    const kept: CarriedMessage[] = [];
    if (this.#options.isDryRun !== true) {
      try {
        await this.#rooms.attachments.keepTogether(messages.map((message) => this.#neededBy(message)));
        for (const { attachments } of messages) for (const id of attachments) this.#kept.add(id);
        return messages;
      } catch (error) {
        if (this.#options.onDamage === undefined || damageIn(unwrapped(error)) === undefined) throw error;
        // One at a time it shows whose it is.
      }
    }
    for (const message of messages) if (await this.#keepOrTell(message)) kept.push(message);
    return kept;
  }

  async #keepOrTell(message: CarriedMessage): Promise<boolean> {
    try {
      await this.#keepAttachments(message);
      return true;
    } catch (error) {
      const sentence = damageIn(unwrapped(error));
      if (this.#options.onDamage === undefined || sentence === undefined) throw error;
      this.#options.onDamage(`message ${message.messageId}: ${sentence}`);
      return false;
    }
  }

  async #keepAttachments(message: CarriedMessage): Promise<void> {
    const { owner, token, sources } = this.#neededBy(message);
    if (this.#options.isDryRun === true) for (const { id, size } of sources) await this.#archive.check(id, size);
    else await this.#rooms.attachments.keep(owner, token, sources);
    for (const id of message.attachments) this.#kept.add(id);
  }

  #neededBy({ messageId, attachments, refToken }: CarriedMessage): KeptAttachments {
    const sources = attachments.map((id) => {
      const size = this.#sizeOf(id);
      return { id, size, type: '', read: () => this.#archive.read(id, size) };
    });
    return { owner: { account: this.#account, messageId }, token: refToken, sources };
  }

  #sizeOf(id: AttachmentId): number {
    const size = this.#sizes.get(id);
    if (size === undefined) throw new DamagedObject(id, 'the attachment is not in the backup');
    return size;
  }
}

/** Messages that have a bounded number of attachments together. */
function groupsOf(messages: readonly CarriedMessage[]): CarriedMessage[][] {
  const groups: CarriedMessage[][] = [];
  let count = 0;
  for (const message of messages) {
    const group = groups.at(-1);
    if (group === undefined || count + message.attachments.length > ATTACHMENTS_AT_ONCE) {
      groups.push([message]);
      count = 0;
    } else group.push(message);
    count += message.attachments.length;
  }
  return groups;
}

/** Who was handed a source that turned out to be damaged may tell so in its own words. */
function unwrapped(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof DamagedObject ? error.cause : error;
}
