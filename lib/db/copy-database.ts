import { Binary, BSON, type Collection, type Document, type IndexDescription } from 'mongodb';
import { crashPoint } from '../kernel/crash-point.ts';
import { WHOLE_COLLECTION_WORK, type WholeCollectionWork } from './collection-layout.ts';
import type { Database } from './database.ts';
import { insertRaw } from './raw-documents.ts';
import { walk, type WalkPosition } from './raw-walk.ts';
import { countRows, orTemporary } from './row-access.ts';
import { beginWork, finishWork, noteCopied, readUnfinished, UNFINISHED } from './unfinished-work.ts';

export interface CopyProgress {
  readonly collection: string;
  readonly documents: number;
  readonly octets: number;
}

/** A target that holds something else, or a source that is not whole itself. */
export class TargetInUse extends Error {
  override readonly name = 'TargetInUse';
}

/** One copy of a database into another, document for document as they are stored. */
export interface DatabaseCopy {
  /** Names of the collections to copy, sorted. */
  readonly collections: readonly string[];
  /** Copies what is not there yet; goes on where an interrupted run was. @throws MailError `unavailable` */
  run(onProgress: (progress: CopyProgress) => void): Promise<void>;
  /** Takes the notes of the copy away: from here on the target is a database of its own. */
  finish(): Promise<void>;
}

/** How far a collection is, among the notes of the unfinished work. */
interface ProgressRow extends Document {
  readonly _id: string;
  /** Of the position after the last document that is there for certain. */
  readonly step?: number;
  /** The key there, as BSON `{ after }`. */
  readonly key?: Binary;
  readonly documents?: number;
  readonly octets?: number;
  readonly isDone?: boolean;
}

/**
 * @param sourceName tells this source from another
 * @throws TargetInUse where the target holds anything but an interrupted copy of this source, or the source is itself
 *   an unfinished copy or restore
 */
export async function openDatabaseCopy(source: Database, target: Database, sourceName: string): Promise<DatabaseCopy> {
  const half = await readUnfinished(source);
  if (half !== undefined) throw new TargetInUse(`the source itself holds an unfinished ${half.kind}`);
  const progress = target.collection<ProgressRow>(UNFINISHED);
  const found = await readUnfinished(target);
  if (found === undefined) {
    await refuseDocuments(target);
    await beginWork(target, { kind: 'migration', source: sourceName });
  } else if (found.kind !== 'migration') throw new TargetInUse(`the target holds an unfinished ${found.kind}`);
  else if (found.source !== sourceName) throw new TargetInUse('the target holds an unfinished copy of another store');
  const collections = await collectionNames(source);
  return {
    collections,
    run: async (onProgress) => {
      for (const name of collections) await copyCollection(source, target, progress, name, onProgress);
      await noteCopied(target);
    },
    finish: () => finishWork(target),
  };
}

/** Collections of a database, sorted, without what the server and a copy keep for themselves. */
export async function collectionNames({ db }: Database): Promise<readonly string[]> {
  const found = await orTemporary(() => db.listCollections({}, { nameOnly: true }).toArray());
  return found
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('system.') && name !== UNFINISHED)
    .sort();
}

async function refuseDocuments(target: Database): Promise<void> {
  for (const name of await collectionNames(target)) {
    if (
      (await orTemporary(() => target.collection(name).findOne({}, { comment: WHOLE_COLLECTION_WORK.copy }))) !== null
    )
      throw new TargetInUse(
        `the target is not empty: collection ${name} holds documents (a finished migration? --verify compares both sides)`,
      );
  }
}

async function copyCollection(
  source: Database,
  target: Database,
  progress: Collection<ProgressRow>,
  name: string,
  onProgress: (progress: CopyProgress) => void,
): Promise<void> {
  const noted = await orTemporary(() => progress.findOne({ _id: `copy:${name}` }, { promoteBuffers: false }));
  if (noted?.isDone === true) return;
  await copyIndexes(source, target, name);
  const into = target.collection(name);
  let documents = noted?.documents ?? 0;
  let octets = noted?.octets ?? 0;
  const position = noted === null ? undefined : positionIn(noted);
  for await (const page of walk(source.collection(name), WHOLE_COLLECTION_WORK.copy, position)) {
    if (page.documents.length === 0) continue;
    await orTemporary(() => insertRaw(into, page.documents));
    crashPoint('migrate.page-copied');
    documents += page.documents.length;
    octets += page.documents.reduce((sum, { length }) => sum + length, 0);
    await note(progress, name, { ...positionFields(page.next), documents, octets, isDone: false });
    crashPoint('migrate.page-noted');
    onProgress({ collection: name, documents, octets });
  }
  await note(progress, name, { documents, octets, isDone: true });
}

async function note(progress: Collection<ProgressRow>, name: string, fields: Omit<ProgressRow, '_id'>): Promise<void> {
  await orTemporary(() => progress.updateOne({ _id: `copy:${name}` }, { $set: fields }, { upsert: true }));
}

function positionFields({ step, after }: WalkPosition): Pick<ProgressRow, 'step' | 'key'> {
  return { step, key: new Binary(BSON.serialize({ after })) };
}

function positionIn({ step, key }: ProgressRow): WalkPosition | undefined {
  if (step === undefined || key === undefined) return undefined;
  // Whole numbers keep the width that they have.
  const { after } = BSON.deserialize(key.buffer, { promoteValues: false }) as { after?: unknown };
  return { step, after };
}

/** Before the documents: an index that already stands costs less than one that is made of all of them at once. */
async function copyIndexes(source: Database, target: Database, name: string): Promise<void> {
  const there = new Set(await collectionNames(target));
  if (!there.has(name)) await orTemporary(() => target.db.createCollection(name));
  const indexes = await orTemporary(async (): Promise<Document[]> => {
    const found: unknown = await source.collection(name).listIndexes().toArray();
    return found as Document[];
  });
  const wanted = indexes.filter((index) => index['name'] !== '_id_').map(descriptionOf);
  if (wanted.length > 0) await orTemporary(() => target.collection(name).createIndexes(wanted));
}

function descriptionOf(index: Document): IndexDescription {
  const { key, name, unique, sparse, expireAfterSeconds, partialFilterExpression } = index as IndexDescription;
  return {
    key,
    ...(name === undefined ? {} : { name }),
    ...(unique === true ? { unique } : {}),
    ...(sparse === true ? { sparse } : {}),
    ...(expireAfterSeconds === undefined ? {} : { expireAfterSeconds }),
    ...(partialFilterExpression === undefined ? {} : { partialFilterExpression }),
  };
}

/**
 * How many documents a collection has, by the number that the server keeps: at once, but an estimate on some servers,
 * and on a cluster with whatever a shard has left behind.
 */
export function keptCount(database: Database, name: string, comment: WholeCollectionWork): Promise<number> {
  return countRows(database.collection(name), {}, { comment });
}

/** How many documents a collection has, one by one. */
export function exactCount(database: Database, name: string, comment: WholeCollectionWork): Promise<number> {
  return orTemporary(() => database.collection(name).countDocuments({}, { comment }));
}
