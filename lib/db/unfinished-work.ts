import type { Collection, Document } from 'mongodb';
import { MailError } from '../kernel/errors.ts';
import type { Database } from './database.ts';
import { insertIfAbsent, orTemporary } from './row-access.ts';

/**
 * What a migration or a restore of a whole store notes in the database that it writes, before its first document and
 * until its last: such a database lacks users, and a server on it would answer for them that they do not exist.
 */
export interface UnfinishedWork {
  readonly kind: 'migration' | 'restore';
  /** Tells the source from others: for a restore the backup's id. */
  readonly source: string;
  /** Of a restore to a point in time, ms since 1970. */
  readonly until?: number;
}

interface StateRow extends Document, UnfinishedWork {
  readonly _id: string;
}

/** The notes of such work: the one that says what it is, and what it needs to be gone on with. */
export const UNFINISHED = 'unfinished';
const STATE = 'state';

/** Undefined: the database stands for itself. @throws MailError `unavailable` */
export async function readUnfinished(database: Database): Promise<UnfinishedWork | undefined> {
  const row = await orTemporary(() => rowsOf(database).findOne({ _id: STATE }));
  if (row === null) return undefined;
  const { kind, source, until } = row;
  return { kind, source, ...(typeof until === 'number' ? { until } : {}) };
}

/** @throws MailError `unavailable`, also where another has begun meanwhile */
export async function beginWork(database: Database, work: UnfinishedWork): Promise<void> {
  if (!(await insertIfAbsent(rowsOf(database), { _id: STATE, ...work })))
    throw new MailError('unavailable', 'Another migration or restore has begun on this database');
}

/** Takes all notes away, the one that says what it was last. */
export async function finishWork(database: Database): Promise<void> {
  await orTemporary(async () => {
    await rowsOf(database).deleteMany({ _id: { $ne: STATE } });
    await rowsOf(database).deleteOne({ _id: STATE });
  });
}

/** Takes only the note away that says what it is: nothing else was begun, and the other notes are of others. */
export async function withdrawWork(database: Database, { kind, source }: UnfinishedWork): Promise<void> {
  await orTemporary(() => rowsOf(database).deleteOne({ _id: STATE, kind, source }));
}

function rowsOf(database: Database): Collection<StateRow> {
  return database.collection<StateRow>(UNFINISHED);
}
