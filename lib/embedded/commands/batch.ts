import type { CheckTime } from '../plan/query-stream.ts';
import { DocumentWriter } from '../bson/write.ts';
import type { Context } from './context.ts';
import type { DocumentSource, OpenCursor } from './cursors.ts';

/** How many documents a first batch holds where the client does not say. */
const FIRST_BATCH = 101;
/**
 * A batch ends before it passes this many octets, however many documents were asked for: clients ask again for the
 * rest. It keeps what one reply holds in memory far below MongoDB's 16 MiB; a single larger document goes alone.
 */
const BATCH_OCTETS = 2 * 1024 * 1024;

export interface BatchRequest {
  readonly namespace: string;
  readonly source: DocumentSource;
  /** Undefined for as many as fit. */
  readonly batchSize: number | undefined;
  /** True where what is left after the batch is not wanted. */
  readonly isSingle: boolean;
}

interface Taken {
  readonly documents: Buffer[];
  readonly octets: number;
  readonly held: Buffer | undefined;
  readonly isAtEnd: boolean;
}

function take(source: DocumentSource, first: Buffer | undefined, limit: number, checkTime: CheckTime): Taken {
  const documents: Buffer[] = [];
  let octets = 0;
  let next = first;
  while (documents.length < limit) {
    next ??= source.next(checkTime);
    if (next === undefined) return { documents, octets, held: undefined, isAtEnd: true };
    if (documents.length > 0 && octets + next.length > BATCH_OCTETS) {
      return { documents, octets, held: next, isAtEnd: false };
    }
    documents.push(next);
    octets += next.length;
    next = undefined;
  }
  // Looking one further tells whether a cursor is needed at all, which spares the client a round trip.
  const held = next ?? (limit > 0 ? source.next(checkTime) : undefined);
  return { documents, octets, held, isAtEnd: limit > 0 && held === undefined };
}

/** The reply to a command that opens a cursor. */
export function firstBatch(context: Context, request: BatchRequest, checkTime: CheckTime): Buffer {
  const { source, namespace } = request;
  const taken = take(source, undefined, request.batchSize ?? FIRST_BATCH, checkTime);
  let id = 0n;
  if (!taken.isAtEnd && !request.isSingle) {
    source.pause();
    id = context.cursors.add(namespace, source, taken.held).id;
  }
  return cursorReply('firstBatch', taken, id, namespace);
}

/** The reply to getMore. The cursor goes when it has nothing left. */
export function nextBatch(context: Context, cursor: OpenCursor, batchSize: number, checkTime: CheckTime): Buffer {
  let taken: Taken;
  try {
    taken = take(cursor.source, cursor.held, batchSize, checkTime);
  } catch (error) {
    // What was read already is lost, so nobody may go on from here.
    context.cursors.remove(cursor.id);
    throw error;
  }
  cursor.held = taken.held;
  cursor.source.pause();
  if (taken.isAtEnd) context.cursors.remove(cursor.id);
  return cursorReply('nextBatch', taken, taken.isAtEnd ? 0n : cursor.id, cursor.namespace);
}

function cursorReply(name: string, { documents, octets }: Taken, id: bigint, namespace: string): Buffer {
  const writer = new DocumentWriter(octets + documents.length * 10 + 2 * namespace.length + 128);
  writer.openDocument('cursor').openArray(name);
  documents.forEach((document, at) => writer.raw(String(at), document));
  return writer.close().long('id', id).string('ns', namespace).close().double('ok', 1).finish();
}
