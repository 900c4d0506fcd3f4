import { validateDocument } from '../bson/validate.ts';
import { documentValue, type Value } from '../bson/value.ts';
import { BsonType } from '../bson/types.ts';
import { EngineError } from '../errors/failure.ts';

/** Operation codes of the wire protocol that clients may send. */
const OP_QUERY = 2004;
const OP_MSG = 2013;
const OP_REPLY = 1;

const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;
/** Flag bits that must be understood by who receives them. */
const REQUIRED_FLAGS = 0xffff;

export const HEADER_OCTETS = 16;

export interface Header {
  readonly length: number;
  readonly requestId: number;
  readonly operation: number;
}

export function readHeader(octets: Buffer): Header {
  return { length: octets.readInt32LE(0), requestId: octets.readInt32LE(4), operation: octets.readInt32LE(12) };
}

/** A command as it came. */
export interface Message {
  readonly requestId: number;
  readonly body: Value;
  readonly sequences: ReadonlyMap<string, readonly Value[]>;
  /** False where the client wants no reply (`moreToCome`). */
  readonly wantsReply: boolean;
  /** True for the legacy handshake, whose reply has the legacy form. */
  readonly isLegacy: boolean;
  /** Why the documents in it cannot be used, though the message as such is whole. */
  readonly failure?: EngineError;
}

const EMPTY_DOCUMENT = documentValue(Buffer.from([5, 0, 0, 0, 0]));
/** The code of malformed messages, as against malformed documents in them. */
const PROTOCOL_ERROR = 17;

function broken(what: string): never {
  throw new EngineError(PROTOCOL_ERROR, `Malformed message: ${what}`);
}

/**
 * A message whose documents are malformed, or hold what the engine does not know, carries its failure, to be answered.
 * @throws EngineError 17 for octets that are no message; the connection is then of no further use
 */
export function parseMessage(octets: Buffer): Message {
  const { requestId, operation } = readHeader(octets);
  if (operation !== OP_MSG && operation !== OP_QUERY) return broken(`operation ${operation}`);
  const isLegacy = operation === OP_QUERY;
  try {
    return isLegacy ? parseOpQuery(octets, requestId) : parseOpMsg(octets, requestId);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code === PROTOCOL_ERROR) throw error;
    const wantsReply = isLegacy || (octets.readUInt32LE(HEADER_OCTETS) & MORE_TO_COME) === 0;
    return { requestId, body: EMPTY_DOCUMENT, sequences: new Map(), wantsReply, isLegacy, failure: error };
  }
}

const documentAt = (octets: Buffer, start: number, end: number): Value => ({
  type: BsonType.object,
  octets,
  start,
  end,
});

function parseOpMsg(octets: Buffer, requestId: number): Message {
  if (octets.length < HEADER_OCTETS + 4 + 1 + 5) broken('too short');
  const flags = octets.readUInt32LE(HEADER_OCTETS);
  if ((flags & REQUIRED_FLAGS & ~(CHECKSUM_PRESENT | MORE_TO_COME)) !== 0) broken('unknown required flags');
  // The checksum guards against networks; between processes of one machine it is skipped, not verified.
  const end = octets.length - ((flags & CHECKSUM_PRESENT) !== 0 ? 4 : 0);
  let body: Value | undefined;
  const sequences = new Map<string, Value[]>();
  let position = HEADER_OCTETS + 4;
  while (position < end) {
    const kind = octets[position++];
    if (kind === 0) {
      if (body !== undefined) broken('two bodies');
      const next = validateDocument(octets, position, end);
      body = documentAt(octets, position, next);
      position = next;
    } else if (kind === 1) position = parseSequence(octets, position, end, sequences);
    else broken(`section kind ${kind ?? -1}`);
  }
  if (body === undefined) broken('no body');
  return { requestId, body, sequences, wantsReply: (flags & MORE_TO_COME) === 0, isLegacy: false };
}

function parseSequence(octets: Buffer, start: number, end: number, sequences: Map<string, Value[]>): number {
  if (start + 5 > end) broken('a document sequence is cut short');
  const size = octets.readInt32LE(start);
  const limit = start + size;
  if (size < 5 || limit > end) broken('a document sequence has a wrong length');
  const nameEnd = octets.indexOf(0, start + 4);
  if (nameEnd < 0 || nameEnd >= limit) broken('a document sequence without a name');
  const name = octets.toString('utf8', start + 4, nameEnd);
  if (sequences.has(name)) broken(`two document sequences ${name}`);
  const documents: Value[] = [];
  for (let position = nameEnd + 1; position < limit;) {
    const next = validateDocument(octets, position, limit);
    documents.push(documentAt(octets, position, next));
    position = next;
  }
  sequences.set(name, documents);
  return limit;
}

/** Only for the first hello of a driver, which does not know yet whether OP_MSG is understood. */
function parseOpQuery(octets: Buffer, requestId: number): Message {
  const nameEnd = octets.indexOf(0, HEADER_OCTETS + 4);
  if (nameEnd < 0 || nameEnd + 9 + 5 > octets.length) broken('a short query');
  const start = nameEnd + 9;
  const end = validateDocument(octets, start, octets.length);
  return { requestId, body: documentAt(octets, start, end), sequences: new Map(), wantsReply: true, isLegacy: true };
}

/** A reply in the form that its command came in, as pieces to be written one behind the other. */
export function replyPieces(message: Message, replyId: number, document: Buffer): Buffer[] {
  const prefix = message.isLegacy ? 36 : 21;
  const head = Buffer.alloc(prefix);
  head.writeInt32LE(prefix + document.length, 0);
  head.writeInt32LE(replyId, 4);
  head.writeInt32LE(message.requestId, 8);
  head.writeInt32LE(message.isLegacy ? OP_REPLY : OP_MSG, 12);
  if (message.isLegacy) {
    // AwaitCapable; no cursor, starting from 0, one document.
    head.writeInt32LE(8, 16);
    head.writeInt32LE(1, 32);
  }
  return [head, document];
}
