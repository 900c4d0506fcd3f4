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

export interface StateRow extends Document, UnfinishedWork {
  readonly _id: string;
  /** Of a restore: which process goes on with it. */
  readonly claim?: string;
}

/** The notes of such work: the one that says what it is, and what it needs to be gone on with. */
export const UNFINISHED = 'unfinished';
export const STATE = 'state';
/** Among the notes of a migration: each collection has been copied to its end once. */
const COPIED = 'copied';

/** Undefined: the database stands for itself. @throws MailError `unavailable` */
export async function readUnfinished(database: Database): Promise<UnfinishedWork | undefined> {
  const row = await orTemporary(() => rowsOf(database).findOne({ _id: STATE }));
  if (row === null) return undefined;
  const { kind, source, until } = row;
  return { kind, source, ...(typeof until === 'number' ? { until } : {}) };
}

/** @throws MailError `unavailable`, also where another has begun meanwhile */
export async function beginWork(database: Database, work: UnfinishedWork): Promise<void> {
  if (!(await insertIfAbsent(rowsOf(database), { _id: STATE, ...work }))) throw otherHasBegun();
}

export function otherHasBegun(): MailError {
  return new MailError('unavailable', 'Another migration or restore has begun on this database');
}

/** Takes all notes away, the one that says what it was last. */
export async function finishWork(database: Database): Promise<void> {
  await orTemporary(async () => {
    await rowsOf(database).deleteMany({ _id: { $ne: STATE } });
    await rowsOf(database).deleteOne({ _id: STATE });
  });
}

/** Notes of a migration that each collection has been copied to its end; what came since may be lacking. */
export async function noteCopied(database: Database): Promise<void> {
  await orTemporary(() => rowsOf(database).updateOne({ _id: COPIED }, { $set: { isDone: true } }, { upsert: true }));
}

/**
 * Has the target of a migration whose source is lost stand for itself, with what has arrived.
 * @param check called before the notes are taken away; what it throws leaves them
 * @returns false, and has not called `check`, where the database holds no migration that has copied everything once
 */
export async function acceptCopy(database: Database, check: () => Promise<void>): Promise<boolean> {
  if ((await readUnfinished(database))?.kind !== 'migration') return false;
  if ((await orTemporary(() => rowsOf(database).findOne({ _id: COPIED }))) === null) return false;
  await check();
  await finishWork(database);
  return true;
}

function rowsOf(database: Database): Collection<StateRow> {
  return database.collection<StateRow>(UNFINISHED);
}
