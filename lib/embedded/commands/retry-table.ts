import type { Clock } from '../../kernel/clock.ts';
import { sessionKey, SESSION_RANGE } from '../catalog/keyspace.ts';
import { EngineError } from '../errors/failure.ts';
import { bigOf, documentValue, fieldNamed, intOf, rawOctets, valuesOf, type Value } from '../bson/value.ts';
import { DocumentWriter } from '../bson/write.ts';
import type { Store } from '../store/store.ts';

const KEPT_MS = 30 * 60 * 1000;
/** So many sessions are looked at in one commit when old ones are forgotten. */
const SWEPT_AT_ONCE = 500;
/** So many sessions are known in memory. */
const MAX_LAST_NUMBERS = 20_000;

/** What the statements of one retryable write have done so far. */
export interface RetryLog {
  /** The reply of a statement that was executed before, undefined where it was not. */
  resultOf(statement: number): Value | undefined;
  record(statement: number, result: Buffer): void;
  /** Puts it all into the transaction of the write itself. */
  save(): void;
}

/**
 * Retryable writes by session: a session has one at a time, numbered in ascending order. A statement that was executed
 * is answered from here when it comes again, for thirty minutes.
 */
export class RetryTable {
  readonly #store: Store;
  readonly #clock: Clock;
  /** The last number of each session as stored; a higher one has no row to be read. */
  readonly #lastNumbers = new Map<string, bigint>();
  /** Where the forgetting of old sessions goes on. */
  #sweptTo: Uint8Array = SESSION_RANGE.from;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @throws EngineError 225 for a number lower than the session's last */
  open(session: Buffer, number: bigint): RetryLog {
    const key = sessionKey(session);
    const results = new Map<number, Value>();
    const name = key.toString('latin1');
    const last = this.#lastNumbers.get(name);
    const stored = last !== undefined && last < number ? undefined : this.#store.get(key);
    if (stored !== undefined) {
      const row = readRow(stored);
      if (row.number > number) {
        throw new EngineError(225, `Retryable write ${number} is older than the session's last, ${row.number}`);
      }
      if (row.number === number) for (const [statement, result] of row.results) results.set(statement, result);
    }
    return {
      resultOf: (statement) => results.get(statement),
      record: (statement, result) => results.set(statement, documentValue(result)),
      save: () => {
        this.#store.put(key, writeRow(number, this.#clock.now(), results));
        // What is forgotten here is looked up again.
        if (this.#lastNumbers.size >= MAX_LAST_NUMBERS) this.#lastNumbers.clear();
        this.#lastNumbers.set(name, number);
      },
    };
  }

  /**
   * Forgets what is older than thirty minutes among the next so many sessions; to be called inside of a transaction.
   * @returns true once it has gone through all of them; the next call begins anew
   */
  expireSome(): boolean {
    const oldest = this.#clock.now() - KEPT_MS;
    const rows = this.#store.read({ ...SESSION_RANGE, from: this.#sweptTo }, SWEPT_AT_ONCE, false);
    for (const row of rows) {
      if (timeOf(row.value()) >= oldest) continue;
      this.#store.delete(row.key);
      this.#lastNumbers.delete(row.key.toString('latin1'));
    }
    const last = rows.at(-1);
    const isDone = last === undefined || rows.length < SWEPT_AT_ONCE;
    this.#sweptTo = isDone ? SESSION_RANGE.from : Buffer.concat([last.key, Buffer.from([0])]);
    return isDone;
  }
}

interface SessionRow {
  readonly number: bigint;
  readonly at: number;
  readonly results: readonly (readonly [number, Value])[];
}

function readRow(octets: Buffer): SessionRow {
  const row = documentValue(octets);
  const number = fieldNamed(row, 'number');
  const at = fieldNamed(row, 'at');
  const results = fieldNamed(row, 'results');
  if (number === undefined || at === undefined || results === undefined) throw new Error('a damaged session row');
  return {
    number: bigOf(number),
    at: Number(bigOf(at)),
    results: valuesOf(results).map((entry) => {
      const statement = fieldNamed(entry, 's');
      const result = fieldNamed(entry, 'r');
      if (statement === undefined || result === undefined) throw new Error('a damaged session row');
      return [intOf(statement), result] as const;
    }),
  };
}

function timeOf(octets: Buffer): number {
  const at = fieldNamed(documentValue(octets), 'at');
  if (at === undefined) throw new Error('a damaged session row');
  return Number(bigOf(at));
}

function writeRow(number: bigint, at: number, results: ReadonlyMap<number, Value>): Buffer {
  const writer = new DocumentWriter();
  writer
    .int('v', 1)
    .long('number', number)
    .long('at', BigInt(Math.trunc(at)))
    .openArray('results');
  let position = 0;
  for (const [statement, result] of results) {
    writer.openDocument(String(position++)).int('s', statement).raw('r', rawOctets(result)).close();
  }
  return writer.close().finish();
}
