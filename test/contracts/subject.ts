import assert from 'node:assert/strict';
import { MongoServerError, type Collection, type Db, type MongoClient } from 'mongodb';

/** What a server may fall short of, each told where a test is skipped for it. */
export type Feature =
  | 'duplicateKeys'
  | 'explain'
  | 'retries'
  | 'killedCursors'
  | 'cursorNamespace'
  | 'cursorSession'
  | 'cursorDrop'
  | 'modifyHint'
  | 'refusals'
  | 'collMod';

/** What a server under contract is. */
export interface ContractSubject {
  readonly name: string;
  /** Starts it, or names one that runs. */
  readonly open: () => Promise<{ readonly uri: string; readonly close: () => Promise<void> }>;
  /** Where it is not MongoDB's equal, and how. */
  readonly lacks: ReadonlyMap<Feature, string>;
}

export interface Row {
  _id: number | string;
  // Whatever a test puts in: typed rows would stand in the way of updates with operators.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [field: string]: any;
}

/** What the parts of the suite share; its members are there once tests run. */
export interface ContractBench {
  readonly client: MongoClient;
  readonly db: Db;
  /** A collection that nobody else uses. */
  fresh(): Collection<Row>;
  /** A client with sessions of its own. */
  another(): MongoClient;
  /** The options of a test that needs a feature. */
  needs(feature: Feature): { readonly skip: string | false };
}

/** The server's error of an operation that must fail. */
export async function failureOf(promise: Promise<unknown>): Promise<MongoServerError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof MongoServerError, `a server error instead of ${String(error)}`);
  return error;
}

export const codeOf = async (promise: Promise<unknown>): Promise<unknown> => (await failureOf(promise)).code;
