import type { Work } from '../plan/slice.ts';
import type { Context } from './context.ts';
import { expireDocuments } from './expire.ts';

/** What is done every minute, a part with each commit: old results of retryable writes go, and what has expired. */
export function* housekeeping(context: Context): Work<void> {
  while (!context.retries.expireSome()) yield;
  for (const database of context.catalog.databases()) {
    for (const { name } of context.catalog.collectionsOf(database)) yield* expireDocuments(context, database, name);
  }
}
