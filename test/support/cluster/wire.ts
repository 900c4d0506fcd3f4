import { BSON, type Document } from 'mongodb';

/**
 * MongoDB's wire protocol as its specification has it (OP_MSG, and OP_QUERY with OP_REPLY for the first hello), as far
 * as a server's side needs it. Written apart from lib/embedded, so that neither excuses the other.
 */
const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_OCTETS = 16;
const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;
const EXHAUST_ALLOWED = 1 << 16;

/** A command as it came, with its document sequences put in as arrays. */
export interface WireCommand {
  readonly requestId: number;
  /** The first field's name. */
  readonly name: string;
  readonly db: string;
  readonly body: Document;
  readonly isLegacy: boolean;
  /** False where the client wants no reply. */
  readonly wantsReply: boolean;
  readonly mayStream: boolean;
  /** As it came, header and all. */
  readonly octets: Buffer;
}

const read = (octets: Buffer): Document => BSON.deserialize(octets, { promoteLongs: false });

const documentAt = (octets: Buffer, start: number): Buffer => octets.subarray(start, start + octets.readInt32LE(start));

export function parseCommand(octets: Buffer): WireCommand {
  const operation = octets.readInt32LE(12);
  const requestId = octets.readInt32LE(4);
  if (operation === OP_QUERY) {
    const start = octets.indexOf(0, HEADER_OCTETS + 4) + 9;
    const body = read(documentAt(octets, start));
    const name = Object.keys(body)[0] ?? '';
    return { requestId, name, db: 'admin', body, isLegacy: true, wantsReply: true, mayStream: false, octets };
  }
  if (operation !== OP_MSG) throw new Error(`operation ${operation} is none of ours`);
  const flags = octets.readUInt32LE(HEADER_OCTETS);
  const end = octets.length - ((flags & CHECKSUM_PRESENT) === 0 ? 0 : 4);
  let body: Document = {};
  const sequences = new Map<string, Document[]>();
  for (let position = HEADER_OCTETS + 4; position < end;) {
    const kind = octets[position];
    position += 1;
    const length = octets.readInt32LE(position);
    if (kind === 0) body = read(documentAt(octets, position));
    else {
      const nameEnd = octets.indexOf(0, position + 4);
      const documents: Document[] = [];
      for (let at = nameEnd + 1; at < position + length; at += octets.readInt32LE(at))
        documents.push(read(documentAt(octets, at)));
      sequences.set(octets.toString('utf8', position + 4, nameEnd), documents);
    }
    position += length;
  }
  for (const [name, documents] of sequences) body[name] = documents;
  return {
    requestId,
    name: Object.keys(body)[0] ?? '',
    db: String(body['$db'] ?? 'admin'),
    body,
    isLegacy: false,
    wantsReply: (flags & MORE_TO_COME) === 0,
    mayStream: (flags & EXHAUST_ALLOWED) !== 0,
    octets,
  };
}

let lastRequestId = 0;

/** @param isStreaming true where further replies to the same command follow */
export function replyOctets(command: WireCommand, document: Document, isStreaming = false): Buffer {
  const encoded = BSON.serialize(document);
  const head = Buffer.alloc(command.isLegacy ? 36 : 21);
  lastRequestId += 1;
  head.writeInt32LE(head.length + encoded.length, 0);
  head.writeInt32LE(lastRequestId, 4);
  head.writeInt32LE(command.requestId, 8);
  head.writeInt32LE(command.isLegacy ? OP_REPLY : OP_MSG, 12);
  if (command.isLegacy) {
    head.writeInt32LE(8, 16);
    head.writeInt32LE(1, 32);
  } else if (isStreaming) head.writeUInt32LE(MORE_TO_COME, HEADER_OCTETS);
  return Buffer.concat([head, encoded]);
}

/** A request of our own. */
export function requestOctets(db: string, command: Document): Buffer {
  const encoded = BSON.serialize({ ...command, $db: db });
  const head = Buffer.alloc(21);
  head.writeInt32LE(head.length + encoded.length, 0);
  head.writeInt32LE(OP_MSG, 12);
  return Buffer.concat([head, encoded]);
}

/** The document of a reply, with every type as it is on the wire, so that it can be written again. */
export function replyDocument(octets: Buffer): Document {
  const start = octets.readInt32LE(12) === OP_REPLY ? 36 : 21;
  return BSON.deserialize(octets.subarray(start), { promoteValues: false });
}

/** Cuts a stream of octets into messages. */
export class MessageCutter {
  #held: Buffer[] = [];
  #octets = 0;

  *push(chunk: Buffer): Generator<Buffer> {
    this.#held.push(chunk);
    this.#octets += chunk.length;
    while (this.#octets >= 4) {
      if ((this.#held[0]?.length ?? 0) < 4) this.#held = [Buffer.concat(this.#held)];
      const length = this.#held[0]?.readInt32LE(0) ?? 0;
      if (length < HEADER_OCTETS) throw new Error(`a message of ${length} octets`);
      if (this.#octets < length) return;
      const all = this.#held.length === 1 ? (this.#held[0] ?? chunk) : Buffer.concat(this.#held);
      this.#held = [all.subarray(length)];
      this.#octets -= length;
      yield all.subarray(0, length);
    }
  }
}
