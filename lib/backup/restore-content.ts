import type { AttachmentId, AccountId, MessageId } from '../kernel/ids.ts';
import type { CarriedMessage } from '../messages/index.ts';
import { AttachmentArchive } from './attachment-archive.ts';
import type { RestoreRooms } from './backup-rooms.ts';
import type { BackupSet } from './backup-set.ts';
import type { UserLine } from './catalogue.ts';
import { damageIn, readIndex, readMessages } from './read-account.ts';
import { DamagedObject } from './sealed-object.ts';

export interface ContentOptions {
  /** Reads and checks everything, and writes nothing. */
  readonly isDryRun?: boolean;
  /** Called for each damage, and what is damaged is left out. Without it the first damage is thrown. */
  readonly onDamage?: (sentence: string) => void;
  readonly onMessage?: () => void;
}

/** Octets of documents that are written together. */
const BATCH_OCTETS = 4 * 1024 * 1024;
const BATCH = 200;

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
  for await (const message of readMessages(set, line, wanted, options.onDamage)) {
    if (!(await writer.add(message))) continue;
    missing.delete(message.messageId);
    options.onMessage?.();
  }
  await writer.flush();
  for (const messageId of missing) {
    const sentence = `user ${line.username}: message ${messageId} is not in the backup`;
    if (options.onDamage === undefined) throw new DamagedObject(line.index?.name ?? line.id, sentence);
    options.onDamage(sentence);
  }
  return missing;
}

async function sizesOf(
  set: BackupSet,
  line: UserLine,
  { onDamage }: ContentOptions,
): Promise<ReadonlyMap<AttachmentId, number>> {
  try {
    return (await readIndex(set, line)).attachments;
  } catch (error) {
    const sentence = damageIn(error);
    if (onDamage === undefined || sentence === undefined) throw error;
    onDamage(`user ${line.username}: ${sentence}`);
    return new Map();
  }
}

class ContentWriter {
  readonly #rooms: RestoreRooms;
  readonly #account: AccountId;
  readonly #archive: AttachmentArchive;
  readonly #sizes: ReadonlyMap<AttachmentId, number>;
  readonly #options: ContentOptions;
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

  /** @returns false where an attachment is damaged, and damage is passed over */
  async add(message: CarriedMessage): Promise<boolean> {
    try {
      await this.#keepAttachments(message);
    } catch (error) {
      const sentence = damageIn(unwrapped(error));
      if (this.#options.onDamage === undefined || sentence === undefined) throw error;
      this.#options.onDamage(`message ${message.messageId}: ${sentence}`);
      return false;
    }
    this.#waiting.push(message);
    this.#octets += message.raw.length;
    if (this.#octets >= BATCH_OCTETS || this.#waiting.length >= BATCH) await this.flush();
    return true;
  }

  async #keepAttachments({ messageId, attachments, refToken }: CarriedMessage): Promise<void> {
    const sources = attachments.map((id) => ({ id, size: this.#sizeOf(id), type: '' }));
    if (this.#options.isDryRun === true) for (const { id, size } of sources) await this.#archive.check(id, size);
    else {
      const owner = { account: this.#account, messageId };
      const readable = sources.map((source) => ({ ...source, read: () => this.#archive.read(source.id, source.size) }));
      await this.#rooms.attachments.keep(owner, refToken, readable);
    }
  }

  #sizeOf(id: AttachmentId): number {
    const size = this.#sizes.get(id);
    if (size === undefined) throw new DamagedObject(id, 'the attachment is not in the backup');
    return size;
  }

  async flush(): Promise<void> {
    const messages = this.#waiting;
    this.#waiting = [];
    this.#octets = 0;
    if (this.#options.isDryRun !== true && messages.length > 0)
      await this.#rooms.messages.write(this.#account, messages);
  }
}

/** Who was handed a source that turned out to be damaged may tell so in its own words. */
function unwrapped(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof DamagedObject ? error.cause : error;
}
