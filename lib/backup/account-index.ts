import type { AttachmentId, MessageId } from '../kernel/ids.ts';
import type { BackupSet, ObjectRef } from './backup-set.ts';
import { DamagedObject } from './sealed-object.ts';

const MESSAGE_OCTETS = 16;
const HASH_OCTETS = 32;
const SIZE_OCTETS = 6;
const ATTACHMENT_OCTETS = HASH_OCTETS + SIZE_OCTETS;
const HEAD_OCTETS = 8;
/** Octets of one part: a quarter of a million messages. */
const PART_OCTETS = 4 * 1024 * 1024;

/** A part of the list of an account's content, as one object holds it. */
interface IndexPart {
  readonly messages: Buffer;
  readonly attachments: Buffer;
}

/** The last part, which grows until it is full. */
interface Tail {
  /** The object that holds just this; undefined where there is none yet. */
  ref: ObjectRef | undefined;
  /** As text of one octet a character, which takes half of what hexadecimal digits do. */
  readonly messages: Set<string>;
  readonly attachments: Map<AttachmentId, number>;
}

/**
 * What of an account's content the backups hold, so that the next one knows what is new, and pruning what is needed: a
 * list in parts, of which all but the last are full and stay as they are. In memory are the last one, and one other
 * while it is read.
 */
export class AccountIndex {
  readonly #set: BackupSet;
  readonly #nameOf: (number: number) => string;
  readonly #partOctets: number;
  readonly #full: ObjectRef[];
  #tail: Tail;
  #written = 0;
  #octets = 0;

  private constructor(
    set: BackupSet,
    nameOf: (number: number) => string,
    partOctets: number,
    full: readonly ObjectRef[],
    tail: Tail,
  ) {
    this.#set = set;
    this.#nameOf = nameOf;
    this.#partOctets = partOctets;
    this.#full = [...full];
    this.#tail = tail;
  }

  /**
   * @param nameOf what the parts that are written are called, numbered from 1
   * @param parts of the backup before
   * @throws DamagedObject, WrongKey
   */
  static async open(
    set: BackupSet,
    nameOf: (number: number) => string,
    parts: readonly ObjectRef[],
    partOctets = PART_OCTETS,
  ): Promise<AccountIndex> {
    const last = parts.at(-1);
    const tail = last === undefined ? emptyTail() : await readTail(set, last);
    return new AccountIndex(set, nameOf, partOctets, parts.slice(0, -1), tail);
  }

  /** Takes those out that the backups hold: reads the parts one after the other. @throws DamagedObject, WrongKey */
  async takeOut(messageIds: Set<MessageId>): Promise<void> {
    const left = new Map<string, MessageId>();
    for (const id of messageIds) {
      const key = keyOf(id);
      if (this.#tail.messages.has(key)) messageIds.delete(id);
      else left.set(key, id);
    }
    for (const ref of this.#full) {
      if (left.size === 0) return;
      for (const key of keysIn(readPart(ref.name, await this.#set.read(ref)))) {
        const id = left.get(key);
        if (id !== undefined) messageIds.delete(id);
        left.delete(key);
      }
    }
  }

  /** Whether the last part names it; of the other parts the target itself knows. */
  hasAttachment(id: AttachmentId): boolean {
    return this.#tail.attachments.has(id);
  }

  async addMessage(messageId: MessageId): Promise<void> {
    const tail = await this.#tailFor(MESSAGE_OCTETS);
    tail.messages.add(keyOf(messageId));
  }

  async addAttachment(id: AttachmentId, size: number): Promise<void> {
    const tail = await this.#tailFor(ATTACHMENT_OCTETS);
    tail.attachments.set(id, size);
  }

  /** @returns all parts, and the octets of those that were written here, as stored */
  async finish(): Promise<{ readonly parts: readonly ObjectRef[]; readonly octets: number }> {
    const isEmpty = this.#tail.messages.size === 0 && this.#tail.attachments.size === 0;
    const parts = isEmpty ? this.#full : [...this.#full, await this.#store(this.#tail)];
    return { parts, octets: this.#octets };
  }

  /** The part that takes so many octets more, from now on another than what is stored. */
  async #tailFor(octets: number): Promise<Tail> {
    const filled = sizeOf(this.#tail);
    if (filled > HEAD_OCTETS && filled + octets > this.#partOctets) {
      this.#full.push(await this.#store(this.#tail));
      this.#tail = emptyTail();
    }
    this.#tail.ref = undefined;
    return this.#tail;
  }

  async #store(tail: Tail): Promise<ObjectRef> {
    if (tail.ref !== undefined) return tail.ref;
    const octets = Buffer.alloc(sizeOf(tail));
    octets.writeUInt32BE(tail.messages.size, 0);
    octets.writeUInt32BE(tail.attachments.size, 4);
    let at = HEAD_OCTETS;
    for (const key of tail.messages) at += octets.write(key, at, 'latin1');
    for (const [id, size] of tail.attachments) {
      at += octets.write(id, at, 'hex');
      at = octets.writeUIntBE(size, at, SIZE_OCTETS);
    }
    this.#written += 1;
    tail.ref = await this.#set.write(this.#nameOf(this.#written), octets);
    this.#octets += tail.ref.octets;
    return tail.ref;
  }
}

function emptyTail(): Tail {
  return { ref: undefined, messages: new Set(), attachments: new Map() };
}

async function readTail(set: BackupSet, ref: ObjectRef): Promise<Tail> {
  const part = readPart(ref.name, await set.read(ref));
  return { ref, messages: new Set(keysIn(part)), attachments: new Map(attachmentsIn(part)) };
}

function sizeOf({ messages, attachments }: Tail): number {
  return HEAD_OCTETS + messages.size * MESSAGE_OCTETS + attachments.size * ATTACHMENT_OCTETS;
}

/**
 * The attachments that one part of an index names, with their sizes in octets; those of several parts may overlap.
 * @throws DamagedObject, WrongKey
 */
export async function readAttachments(set: BackupSet, part: ObjectRef): Promise<Iterable<[AttachmentId, number]>> {
  return attachmentsIn(readPart(part.name, await set.read(part)));
}

/** @throws DamagedObject */
function readPart(name: string, octets: Buffer): IndexPart {
  const damaged = new DamagedObject(name, 'it is no list of content');
  if (octets.length < HEAD_OCTETS) throw damaged;
  const start = HEAD_OCTETS + octets.readUInt32BE(0) * MESSAGE_OCTETS;
  if (octets.length !== start + octets.readUInt32BE(4) * ATTACHMENT_OCTETS) throw damaged;
  return { messages: octets.subarray(HEAD_OCTETS, start), attachments: octets.subarray(start) };
}

function* keysIn({ messages }: IndexPart): Generator<string, void, undefined> {
  for (let at = 0; at < messages.length; at += MESSAGE_OCTETS)
    yield messages.toString('latin1', at, at + MESSAGE_OCTETS);
}

function* attachmentsIn({ attachments }: IndexPart): Generator<[AttachmentId, number], void, undefined> {
  for (let at = 0; at < attachments.length; at += ATTACHMENT_OCTETS) {
    const id = attachments.toString('hex', at, at + HASH_OCTETS) as AttachmentId;
    yield [id, attachments.readUIntBE(at + HASH_OCTETS, SIZE_OCTETS)];
  }
}

function keyOf(messageId: MessageId): string {
  return Buffer.from(messageId, 'hex').toString('latin1');
}
