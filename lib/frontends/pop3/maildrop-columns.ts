import type { MessageId, Uid } from '../../kernel/ids.ts';

/** One message as it was at log-in. */
export interface MaildropMessage {
  /** From 1; never shifts. */
  readonly number: number;
  readonly uid: Uid;
  readonly messageId: MessageId;
  /** Octets with CRLF line ends. */
  readonly crlfSize: number;
}

const ID_OCTETS = 16;

/** What a session keeps of its messages: 28 octets each, so that a large maildrop costs little while it is open. */
export class MaildropColumns {
  readonly #uids: Uint32Array;
  readonly #sizes: Float64Array;
  readonly #ids: Buffer;
  #count = 0;
  #octets = 0;

  /** @param capacity the most messages that will be added */
  constructor(capacity: number) {
    this.#uids = new Uint32Array(capacity);
    this.#sizes = new Float64Array(capacity);
    this.#ids = Buffer.alloc(capacity * ID_OCTETS);
  }

  get count(): number {
    return this.#count;
  }

  get octets(): number {
    return this.#octets;
  }

  add(message: Omit<MaildropMessage, 'number'>): void {
    this.#uids[this.#count] = message.uid;
    this.#sizes[this.#count] = message.crlfSize;
    this.#ids.write(message.messageId, this.#count * ID_OCTETS, 'hex');
    this.#count += 1;
    this.#octets += message.crlfSize;
  }

  /** @param number from 1 to `count` */
  message(number: number): MaildropMessage {
    const index = number - 1;
    return {
      number,
      uid: (this.#uids[index] ?? 0) as Uid,
      messageId: this.#ids.toString('hex', index * ID_OCTETS, number * ID_OCTETS) as MessageId,
      crlfSize: this.#sizes[index] ?? 0,
    };
  }
}
