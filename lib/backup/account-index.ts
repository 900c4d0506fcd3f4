import type { AttachmentId, MessageId } from '../kernel/ids.ts';
import { DamagedObject } from './sealed-object.ts';

const MESSAGE_OCTETS = 16;
const HASH_OCTETS = 32;
const SIZE_OCTETS = 6;

/** What of an account's content the backups hold: so the next one knows what is new, and pruning what is needed. */
export class AccountIndex {
  /** As text of one octet a character, which takes half of what hexadecimal digits do. */
  readonly #messages = new Set<string>();
  /** With their size in octets. */
  readonly attachments = new Map<AttachmentId, number>();
  isChanged = false;

  /** @throws DamagedObject */
  static read(name: string, octets: Buffer): AccountIndex {
    const index = new AccountIndex();
    const damaged = new DamagedObject(name, 'it is no list of content');
    if (octets.length < 8) throw damaged;
    const count = octets.readUInt32BE(0);
    const start = 8 + count * MESSAGE_OCTETS;
    if (octets.length !== start + octets.readUInt32BE(4) * (HASH_OCTETS + SIZE_OCTETS)) throw damaged;
    for (let at = 8; at < start; at += MESSAGE_OCTETS)
      index.#messages.add(octets.toString('latin1', at, at + MESSAGE_OCTETS));
    for (let at = start; at < octets.length; at += HASH_OCTETS + SIZE_OCTETS) {
      const id = octets.toString('hex', at, at + HASH_OCTETS) as AttachmentId;
      index.attachments.set(id, octets.readUIntBE(at + HASH_OCTETS, SIZE_OCTETS));
    }
    return index;
  }

  get messages(): number {
    return this.#messages.size;
  }

  has(messageId: MessageId): boolean {
    return this.#messages.has(keyOf(messageId));
  }

  addMessage(messageId: MessageId): void {
    this.#messages.add(keyOf(messageId));
    this.isChanged = true;
  }

  addAttachment(id: AttachmentId, size: number): void {
    this.attachments.set(id, size);
    this.isChanged = true;
  }

  finish(): Buffer {
    const octets = Buffer.alloc(
      8 + this.#messages.size * MESSAGE_OCTETS + this.attachments.size * (HASH_OCTETS + SIZE_OCTETS),
    );
    octets.writeUInt32BE(this.#messages.size, 0);
    octets.writeUInt32BE(this.attachments.size, 4);
    let at = 8;
    for (const key of this.#messages) at += octets.write(key, at, 'latin1');
    for (const [id, size] of this.attachments) {
      at += octets.write(id, at, 'hex');
      at = octets.writeUIntBE(size, at, SIZE_OCTETS);
    }
    return octets;
  }
}

function keyOf(messageId: MessageId): string {
  return Buffer.from(messageId, 'hex').toString('latin1');
}
