import type { Collection, Document, OptionalUnlessRequiredId } from 'mongodb';
import { isDuplicateKey, toTemporary } from './write-outcome.ts';

/** Runs reads, and writes whose retry is harmless: trouble behind the scenes becomes `unavailable`. */
export async function orTemporary<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw toTemporary(error);
  }
}

/** @returns false where a unique key is taken */
export async function insertIfAbsent<T extends Document>(
  rows: Collection<T>,
  row: OptionalUnlessRequiredId<T>,
): Promise<boolean> {
  return orTemporary(async () => {
    try {
      await rows.insertOne(row);
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  });
}

const COUNT_LIMIT_MS = 8000;

/** How many rows match, by the `count` command, which every server of the protocol has. It takes no concern by itself. */
export async function countRows<T extends Document>(
  rows: Collection<T>,
  query: Document,
  options: { readonly comment?: string } = {},
): Promise<number> {
  return orTemporary(async () => {
    const readConcern = { level: 'majority' };
    const answer = await rows.db.command({
      ...{ count: rows.collectionName, query, readConcern },
      maxTimeMS: COUNT_LIMIT_MS,
      ...options,
    });
    return Number(answer['n']);
  });
}

/** Text as a pattern that matches just this text. */
export function literalPattern(text: string): string {
  // BSON ends a pattern at its first NUL (bsonspec.org, cstring), so that drivers refuse it: it is written out.
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('\0', '\\x00');
}
