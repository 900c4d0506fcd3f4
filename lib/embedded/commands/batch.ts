import { DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { PAUSED, type Slice, type Work } from '../plan/slice.ts';
import type { Context } from './context.ts';
import type { CursorOwner, DocumentSource, OpenCursor } from './cursors.ts';

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
  readonly owner: CursorOwner;
  /** Undefined for as many as fit. */
  readonly batchSize: number | undefined;
  /** True where what is left after the batch is not wanted. */
  readonly isSingle: boolean;
  /** True where the cursor does not time out by itself. */
  readonly neverIdles?: boolean;
}

interface Taken {
  /** The reply up to the end of its documents. */
  readonly writer: DocumentWriter;
  readonly held: Buffer | undefined;
  readonly isAtEnd: boolean;
}

/** The next document of a source, in as many slices as that takes. */
function* nextOf(source: DocumentSource, slice: Slice): Work<Buffer | undefined> {
  for (let next = source.next(slice); ; next = source.next(slice)) {
    if (next !== PAUSED) return next;
    source.pause();
    yield;
  }
}

function* take(
  name: string,
  source: DocumentSource,
  held: Buffer | undefined,
  limit: number,
  slice: Slice,
): Work<Taken> {
  let next = held;
  let writer: DocumentWriter | undefined;
  for (let count = 0; limit > 0; count++) {
    // Most often the document is there at once, which spares a generator for each.
    if (next === undefined) {
      const found = source.next(slice);
      next = found === PAUSED ? yield* afterPause(source, slice) : found;
    }
    // Looking one further than the limit tells whether a cursor is needed at all, which spares the client a round trip.
    const isAtEnd = next === undefined;
    writer ??= beginning(name, next);
    if (next === undefined || count === limit || (count > 0 && writer.length + next.length > BATCH_OCTETS)) {
      return { writer, held: next, isAtEnd };
    }
    writer.raw(String(count), next);
    next = undefined;
  }
  return { writer: beginning(name, undefined), held: next, isAtEnd: false };
}

function* afterPause(source: DocumentSource, slice: Slice): Work<Buffer | undefined> {
  source.pause();
  yield;
  return yield* nextOf(source, slice);
}

function beginning(name: string, first: Buffer | undefined): DocumentWriter {
  return new DocumentWriter((first?.length ?? 0) + 200).openDocument('cursor').openArray(name);
}

function ending({ writer }: Taken, id: bigint, namespace: string): Buffer {
  return writer.close().long('id', id).string('ns', namespace).close().double('ok', 1).finish();
}

/** The reply to a command that opens a cursor. The source is closed where none stays open. */
export function* firstBatch(context: Context, request: BatchRequest, slice: Slice): Work<Buffer> {
  const { source, namespace, owner, isSingle, neverIdles = false } = request;
  let isKept = false;
  try {
    const taken = yield* take('firstBatch', source, undefined, request.batchSize ?? FIRST_BATCH, slice);
    if (taken.isAtEnd || isSingle) return ending(taken, 0n, namespace);
    source.pause();
    const { held } = taken;
    const { remainingMs } = slice;
    const { id } = context.cursors.add({ namespace, source, owner, neverIdles, held, remainingMs });
    isKept = true;
    return ending(taken, id, namespace);
  } finally {
    if (!isKept) source.close();
  }
}

/** The reply to getMore. The cursor goes when it has nothing left, and when it could not be read to the batch's end. */
export function* nextBatch(context: Context, cursor: OpenCursor, batchSize: number, slice: Slice): Work<Buffer> {
  let isKept = false;
  try {
    if (cursor.remainingMs !== undefined) slice.limit(cursor.remainingMs);
    const taken = yield* take('nextBatch', stoppable(cursor), cursor.held, batchSize, slice);
    cursor.held = taken.held;
    if (cursor.remainingMs !== undefined) cursor.remainingMs = slice.remainingMs;
    cursor.source.pause();
    isKept = !taken.isAtEnd;
    return ending(taken, isKept ? cursor.id : 0n, cursor.namespace);
  } finally {
    // What was read already would be lost, so nobody may go on from here.
    if (!isKept) context.cursors.remove(cursor.id);
    context.cursors.release(cursor);
  }
}

/** A cursor's source, which ends with error 237 once the cursor was killed. */
function stoppable(cursor: OpenCursor): DocumentSource {
  const { source } = cursor;
  return {
    next: (slice) => {
      if (cursor.isKilled) throw new EngineError(237, 'cursor killed');
      return source.next(slice);
    },
    pause: () => source.pause(),
    close: () => source.close(),
  };
}
