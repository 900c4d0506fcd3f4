import { createHmac, timingSafeEqual } from 'node:crypto';
import { inputError } from './input-error.ts';

/** Where a page begins: after the anchor, or before it when the client goes back. */
export interface Cursor {
  readonly direction: 'next' | 'previous';
  /** The number of the page that it leads to. */
  readonly page: number;
  /** Sort key of the row next to the page. */
  readonly anchor: readonly (string | number)[];
}

const MAC_OCTETS = 16;
const MAX_CHARACTERS = 1024;
const CURSOR = /^[A-Za-z0-9_-]+$/;

/**
 * Opaque cursors, signed and bound to the question: to the asker's user and to every parameter that decides what
 * is listed, so that a cursor of one listing opens no other.
 */
export interface CursorSeal {
  seal(cursor: Cursor, question: string): string;
  /** @throws MailError `invalid-input` for what was not sealed for this question */
  open(field: string, text: string, direction: Cursor['direction'], question: string): Cursor;
}

export function createCursorSeal(secret: string): CursorSeal {
  const key = createHmac('sha256', secret).update('eider paging cursors').digest();
  const macOf = (payload: Buffer, question: string): Buffer =>
    createHmac('sha256', key).update(`${question.length} ${question}`).update(payload).digest().subarray(0, MAC_OCTETS);

  return {
    seal: ({ direction, page, anchor }, question) => {
      const payload = Buffer.from(JSON.stringify([direction, page, ...anchor]));
      return Buffer.concat([macOf(payload, question), payload]).toString('base64url');
    },
    open: (field, text, direction, question) => {
      const octets =
        text.length <= MAX_CHARACTERS && CURSOR.test(text) ? Buffer.from(text, 'base64url') : Buffer.alloc(0);
      const payload = octets.subarray(MAC_OCTETS);
      const isOurs =
        octets.length > MAC_OCTETS && timingSafeEqual(octets.subarray(0, MAC_OCTETS), macOf(payload, question));
      const cursor = isOurs ? parsePayload(payload) : undefined;
      if (cursor?.direction !== direction) throw inputError(field, 'is not a cursor of this listing');
      return cursor;
    },
  };
}

/** Only called with what we sealed ourselves. */
function parsePayload(payload: Buffer): Cursor {
  const [direction, page, ...anchor] = JSON.parse(payload.toString()) as [
    Cursor['direction'],
    number,
    ...(string | number)[],
  ];
  return { direction, page, anchor };
}

export interface PageRequest {
  readonly limit: number;
  readonly next: string | undefined;
  readonly previous: string | undefined;
}

/** What a room is asked for: so many rows after or before the anchor, or from the start. */
export interface PageRange {
  readonly after: readonly (string | number)[] | undefined;
  readonly before: readonly (string | number)[] | undefined;
  readonly limit: number;
}

export interface Page<T> {
  readonly page: number;
  readonly previousCursor: string | false;
  readonly nextCursor: string | false;
  readonly rows: readonly T[];
}

/**
 * One page of a listing.
 * @param fetch gives up to `limit` rows in the listing's order, those before an anchor nearest first
 * @param anchorOf the row's sort key, unique within the listing
 */
export async function readPage<T>(
  seal: CursorSeal,
  question: string,
  { limit, next, previous }: PageRequest,
  fetch: (range: PageRange) => readonly T[] | Promise<readonly T[]>,
  anchorOf: (row: T) => readonly (string | number)[],
): Promise<Page<T>> {
  const cursor =
    next !== undefined
      ? seal.open('next', next, 'next', question)
      : previous !== undefined
        ? seal.open('previous', previous, 'previous', question)
        : undefined;
  const isBackwards = cursor?.direction === 'previous';
  const fetched = await fetch({
    after: isBackwards ? undefined : cursor?.anchor,
    before: isBackwards ? cursor.anchor : undefined,
    // One more tells whether there is another page.
    limit: limit + 1,
  });
  const hasMore = fetched.length > limit;
  const rows = isBackwards ? fetched.slice(0, limit).reverse() : fetched.slice(0, limit);
  const hasPrevious = isBackwards ? hasMore : cursor !== undefined;
  const hasNext = isBackwards || hasMore;
  const page = hasPrevious ? Math.max(1, cursor?.page ?? 1) : 1;
  const [first, last] = [rows[0], rows.at(-1)];
  return {
    page,
    previousCursor:
      hasPrevious &&
      first !== undefined &&
      seal.seal({ direction: 'previous', page: Math.max(1, page - 1), anchor: anchorOf(first) }, question),
    nextCursor:
      hasNext &&
      last !== undefined &&
      seal.seal({ direction: 'next', page: page + 1, anchor: anchorOf(last) }, question),
    rows,
  };
}
