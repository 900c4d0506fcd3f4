import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { BSON, type Document } from 'mongodb';

const OP_MSG = 2013;
const OP_QUERY = 2004;

function header(length: number, requestId: number, operation: number): Buffer {
  const octets = Buffer.alloc(16);
  octets.writeInt32LE(length, 0);
  octets.writeInt32LE(requestId, 4);
  octets.writeInt32LE(operation, 12);
  return octets;
}

const int32 = (value: number): Buffer => {
  const octets = Buffer.alloc(4);
  octets.writeInt32LE(value);
  return octets;
};

export interface MessageShape {
  readonly flags?: number;
  readonly sequences?: Readonly<Record<string, readonly Document[]>>;
  /** Octets behind the sections, such as a checksum. */
  readonly tail?: Buffer;
}

/** An OP_MSG with a body and document sequences. */
export function opMsg(
  requestId: number,
  body: Document,
  { flags = 0, sequences = {}, tail }: MessageShape = {},
): Buffer {
  const sections: Buffer[] = [Buffer.from([0]), Buffer.from(BSON.serialize(body))];
  for (const [name, documents] of Object.entries(sequences)) {
    const payload = Buffer.concat([Buffer.from(`${name}\0`), ...documents.map((document) => BSON.serialize(document))]);
    sections.push(Buffer.from([1]), int32(payload.length + 4), payload);
  }
  if (tail !== undefined) sections.push(tail);
  const content = Buffer.concat([int32(flags), ...sections]);
  return Buffer.concat([header(content.length + 16, requestId, OP_MSG), content]);
}

export function opQuery(requestId: number, namespace: string, query: Document): Buffer {
  const content = Buffer.concat([int32(0), Buffer.from(`${namespace}\0`), int32(0), int32(-1), BSON.serialize(query)]);
  return Buffer.concat([header(content.length + 16, requestId, OP_QUERY), content]);
}

export interface Reply {
  readonly responseTo: number;
  readonly operation: number;
  readonly document: Document;
}

/** A client of the wire protocol that may also say what no driver says. */
export class WireClient {
  readonly socket: Socket;
  #buffered: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  constructor(socketPath: string) {
    this.socket = connect(socketPath);
    this.socket.on('data', (chunk: Buffer) => {
      this.#buffered = Buffer.concat([this.#buffered, chunk]);
      this.#wake();
    });
    this.socket.on('close', () => this.#wake());
    this.socket.on('error', () => undefined);
  }

  send(octets: Buffer): void {
    this.socket.write(octets);
  }

  /** @throws Error when the connection ends first */
  async reply(): Promise<Reply> {
    while (this.#buffered.length < 16 || this.#buffered.length < this.#buffered.readInt32LE(0)) {
      if (this.socket.closed) throw new Error('closed');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const length = this.#buffered.readInt32LE(0);
    const message = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    const operation = message.readInt32LE(12);
    const document = BSON.deserialize(message.subarray(operation === OP_MSG ? 21 : 36));
    return { responseTo: message.readInt32LE(8), operation, document };
  }

  async ask(body: Document, shape?: MessageShape): Promise<Document> {
    this.send(opMsg(1, body, shape));
    return (await this.reply()).document;
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, 'close');
  }

  close(): void {
    this.socket.destroy();
  }
}
