import { Readable } from 'node:stream';
import { MailError } from '../kernel/errors.ts';
import { createTransferDecoder, type TransferEncoding } from '../mime/index.ts';
import type { MessageRecord, Rendering } from './message-record.ts';
import type { MessageContent, StoredPart } from './messages.ts';
import { decodeParts } from './part-table.ts';
import { whole, type ContentReader } from './read-content.ts';

/** More than this is never put into one Buffer. */
const MAX_WHOLE_OCTETS = 16 * 1024 * 1024;

const ENCODINGS: ReadonlySet<string> = new Set<TransferEncoding>([
  '7bit',
  '8bit',
  'binary',
  'base64',
  'quoted-printable',
  'other',
]);

/** One message's data, opened. */
export class OpenedMessage implements MessageContent {
  readonly envelope: Buffer;
  readonly bodyStructure: Buffer;
  readonly body: Buffer;
  readonly #record: MessageRecord;
  readonly #encodedParts: Buffer;
  readonly #reader: ContentReader;
  #parts: readonly StoredPart[] | undefined;

  constructor(record: MessageRecord, rendering: Rendering, reader: ContentReader) {
    this.#record = record;
    this.#reader = reader;
    this.envelope = rendering.envelope;
    this.bodyStructure = rendering.bodyStructure;
    this.body = rendering.body;
    this.#encodedParts = rendering.parts;
  }

  get messageId(): MessageRecord['messageId'] {
    return this.#record.messageId;
  }

  get size(): number {
    return this.#record.size;
  }

  get receivedAt(): number {
    return this.#record.receivedAt;
  }

  /** Octets of memory that it takes, about. */
  get weight(): number {
    const { skeleton, segments, prefix } = this.#record;
    const octets = skeleton.octets.length + skeleton.size + segments.length * 10 + prefix.length;
    return (
      2048 +
      octets +
      this.envelope.length +
      this.bodyStructure.length +
      this.body.length +
      this.#encodedParts.length * 5
    );
  }

  get parts(): readonly StoredPart[] {
    this.#parts ??= whole(this.messageId, () => decodeParts(this.#encodedParts, this.#record.prefix.length));
    return this.#parts;
  }

  range(start: number, end: number): Readable {
    return toReadable(this.#reader.read(start, end));
  }

  async readRange(start: number, end: number): Promise<Buffer> {
    const length = Math.min(this.size, end) - Math.max(0, start);
    if (length > MAX_WHOLE_OCTETS) throw new MailError('limit', 'This is too much to be read at once');
    const octets = Buffer.allocUnsafe(Math.max(0, length));
    let filled = 0;
    for await (const piece of this.#reader.read(start, end)) filled += piece.copy(octets, filled);
    return octets;
  }

  decoded(partIndex: number): Readable {
    const part = this.parts[partIndex];
    if (part === undefined) throw new MailError('attachment-not-found', 'There is no such part');
    return toReadable(this.#decode(part));
  }

  attachmentOf(partIndex: number): string | undefined {
    const part = this.parts[partIndex];
    return part === undefined ? undefined : this.#reader.attachmentAt(part.bodyStart)?.id;
  }

  async *#decode(part: StoredPart): AsyncGenerator<Buffer, void, undefined> {
    const stored = this.#reader.attachmentAt(part.bodyStart);
    if (stored?.isDecoded === true && isBlank(await this.readRange(stored.end, part.bodyEnd))) {
      yield* this.#reader.readAttachment(stored.number);
      return;
    }
    const decoder = createTransferDecoder(isEncoding(part.encoding) ? part.encoding : 'other');
    for await (const octets of this.#reader.read(part.bodyStart, part.bodyEnd)) {
      const decoded = decoder.write(octets);
      if (decoded.length > 0) yield decoded;
    }
    const rest = decoder.end();
    if (rest.length > 0) yield rest;
  }
}

function isEncoding(name: string): name is TransferEncoding {
  return ENCODINGS.has(name);
}

/** Nothing but line ends and blanks, which decode to nothing. */
function isBlank(octets: Buffer): boolean {
  return octets.every((octet) => octet === 13 || octet === 10 || octet === 32 || octet === 9);
}

/** Asks the source for more only while the receiver takes it. */
function toReadable(source: AsyncGenerator<Buffer, void, undefined>): Readable {
  return Readable.from(source, { objectMode: false, highWaterMark: 64 * 1024 });
}
