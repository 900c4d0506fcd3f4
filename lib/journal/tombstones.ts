import type { MessageId } from '../kernel/ids.ts';

const UID = 0;
const MESSAGE_ID = 4;
const AT = 20;
const Q = 28;
/** Octets of one tombstone. */
const TOMBSTONE_OCTETS = 36;

/** Expunged messages in the order in which they went: UID, message id, when, and the record that did it. */
export class TombstoneList {
  count = 0;
  #buffer: Buffer = Buffer.alloc(0);

  add(uid: number, messageId: Uint8Array, at: number, q: number): void {
    const start = this.count * TOMBSTONE_OCTETS;
    if (start + TOMBSTONE_OCTETS > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(this.#buffer.length * 2, 8 * TOMBSTONE_OCTETS));
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
    this.#buffer.writeUInt32LE(uid, start + UID);
    this.#buffer.set(messageId, start + MESSAGE_ID);
    this.#buffer.writeDoubleLE(at, start + AT);
    this.#buffer.writeDoubleLE(q, start + Q);
    this.count += 1;
  }

  /** Adds packed tombstones, as `slice` gave them. */
  addPacked(packed: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer.subarray(0, this.count * TOMBSTONE_OCTETS), packed]);
    this.count = Math.floor(this.#buffer.length / TOMBSTONE_OCTETS);
  }

  uid(index: number): number {
    return this.#buffer.readUInt32LE(index * TOMBSTONE_OCTETS + UID);
  }

  messageId(index: number): MessageId {
    const start = index * TOMBSTONE_OCTETS + MESSAGE_ID;
    return this.#buffer.toString('hex', start, start + 16) as MessageId;
  }

  at(index: number): number {
    return this.#buffer.readDoubleLE(index * TOMBSTONE_OCTETS + AT);
  }

  q(index: number): number {
    return this.#buffer.readDoubleLE(index * TOMBSTONE_OCTETS + Q);
  }

  /** Index of the first tombstone that a record after `q` made; they stand in order of `q`. */
  firstAfter(q: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.q(middle) <= q) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  slice(from: number, to: number): Buffer {
    return Buffer.from(this.#buffer.subarray(from * TOMBSTONE_OCTETS, to * TOMBSTONE_OCTETS));
  }

  /** Forgets what records up to `q` made; a fold has written it down. */
  dropUpTo(q: number): void {
    const from = this.firstAfter(q);
    this.#buffer = this.slice(from, this.count);
    this.count -= from;
  }

  get octets(): number {
    return this.#buffer.length;
  }
}
