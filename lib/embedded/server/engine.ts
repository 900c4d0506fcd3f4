import type { Clock } from '../../kernel/clock.ts';
import { crashPoint } from '../../kernel/crash-point.ts';
import type { Logger } from '../../kernel/logger.ts';
import { Catalog } from '../catalog/catalog.ts';
import { Records } from '../catalog/records.ts';
import type { Context, TaskCommand } from '../commands/context.ts';
import { Cursors } from '../commands/cursors.ts';
import { commandName, Options, type Request } from '../commands/request.ts';
import { RetryTable } from '../commands/retry-table.ts';
import { COMMANDS } from '../commands/table.ts';
import { writeKeys } from '../commands/write-result.ts';
import { stringOf } from '../bson/value.ts';
import { BsonType } from '../bson/types.ts';
import { DocumentWriter } from '../bson/write.ts';
import { codeNameOf, EngineError, UnsupportedError } from '../errors/failure.ts';
import { LostOwnershipError } from '../store/owned-store.ts';
import type { Store } from '../store/store.ts';
import type { Upkeep } from '../upkeep/upkeep.ts';
import type { Connection, MessageSink } from '../wire/connection.ts';
import type { Message } from '../wire/message.ts';

/** One commit takes at most so many commands and octets of them; what is left goes into the next. */
const MAX_TICK_COMMANDS = 1000;
const MAX_TICK_OCTETS = 16 * 1024 * 1024;

/** A small write touches so many pages of the tree, each of which goes into the log whole. */
const PAGES_A_COMMAND = 3;
const PAGE_OCTETS = 8192;

export interface EngineOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxScan?: number | undefined;
  readonly upkeep?: Upkeep;
  /** Called after each commit with roughly how many octets it wrote. */
  readonly onCommit: (octets: number) => void;
  /** The store has failed in a way that makes every further promise worthless. */
  readonly onFatal: (error: unknown) => void;
}

interface Queued {
  readonly connection: Connection;
  readonly message: Message;
  readonly reply: (document: Buffer) => void;
}

/**
 * Runs commands. Reads run at once; writes gather while others commit, and one tick takes all that have gathered into
 * one transaction, each behind a savepoint of its own. Replies leave when that is durable.
 */
export class Engine implements MessageSink {
  readonly #options: EngineOptions;
  readonly #context: Context;
  #queue: Queued[] = [];
  #isTickDue = false;
  #isClosed = false;
  /** True once the store has failed for good: nothing is answered any more. */
  #hasFailed = false;
  /** Commits made, and commands in them, for tests and metrics. */
  readonly counters = { commits: 0, writes: 0, reads: 0, refused: 0 };

  constructor(options: EngineOptions) {
    this.#options = options;
    const { store, clock, logger, maxScan, upkeep } = options;
    const catalog = new Catalog(store);
    this.#context = {
      store,
      catalog,
      records: new Records(store, catalog),
      cursors: new Cursors(clock),
      retries: new RetryTable(store, clock),
      clock,
      logger,
      maxScan,
      upkeep,
    };
  }

  accept(connection: Connection, message: Message, reply: (document: Buffer) => void): void {
    if (this.#hasFailed) return;
    if (message.failure !== undefined) {
      reply(errorReply(message.failure));
      return;
    }
    const name = commandName(message.body);
    const command = COMMANDS.get(name);
    if (command !== undefined && 'task' in command) {
      void this.#runTask(connection, message, command).then(reply);
      return;
    }
    const isWrite = command?.writes === true;
    if (!isWrite && connection.pendingWrites === 0) {
      this.counters.reads += 1;
      reply(this.#run(connection, message));
      return;
    }
    // Behind a write of its own connection even a read waits: it must see what that wrote.
    connection.pendingWrites += 1;
    this.#queue.push({ connection, message, reply });
    if (this.#isTickDue) return;
    this.#isTickDue = true;
    setImmediate(() => this.#tick());
  }

  rejected(connection: Connection, error: unknown): void {
    this.#options.logger.warn({ connection: connection.id, error: String(error) }, 'a client sent no valid message');
  }

  /** Housekeeping: forgets idle cursors and old results of retryable writes. */
  sweep(): void {
    this.#context.cursors.expire();
    this.#commit(() => this.#context.retries.expire());
  }

  /** The data is no longer this engine's: nothing is answered any more. */
  abandon(error: unknown): void {
    if (!this.#hasFailed) this.#fail(error);
  }

  /**
   * Work of the engine's own in a transaction, durable when this returns.
   * @throws what keeps it from that
   */
  transact(work: () => void): void {
    if (this.#isClosed || this.#hasFailed) throw new Error('the engine has stopped');
    const failure = this.#commit(work);
    if (failure !== undefined) throw new Error('a transaction failed', { cause: failure });
  }

  /** Commits what is queued; no command is accepted afterwards. */
  close(): void {
    while (this.#queue.length > 0 && !this.#hasFailed) this.#tick();
    this.#isClosed = true;
  }

  #tick(): void {
    this.#isTickDue = false;
    if (this.#isClosed || this.#queue.length === 0) return;
    const taken = this.#take();
    const replies: { readonly queued: Queued; readonly document: Buffer }[] = [];
    const octets = taken.reduce((sum, { message }) => sum + message.body.octets.length, 0);
    const failure = this.#commit(() => {
      for (const queued of taken) replies.push({ queued, document: this.#run(queued.connection, queued.message) });
    });
    if (this.#hasFailed) return;
    this.counters.commits += 1;
    this.counters.writes += taken.length;
    const failed = failure === undefined ? undefined : errorReply(failure);
    for (const queued of taken) queued.connection.pendingWrites -= 1;
    if (failed === undefined) for (const { queued, document } of replies) queued.reply(document);
    else for (const queued of taken) queued.reply(failed);
    if (failure === undefined) this.#options.onCommit(octets + taken.length * PAGES_A_COMMAND * PAGE_OCTETS);
    if (this.#queue.length > 0) {
      this.#isTickDue = true;
      setImmediate(() => this.#tick());
    }
  }

  #take(): Queued[] {
    let octets = 0;
    let count = 0;
    for (const { message } of this.#queue) {
      if (count >= MAX_TICK_COMMANDS || (count > 0 && octets >= MAX_TICK_OCTETS)) break;
      octets += message.body.octets.length;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  /** @returns why nothing was committed, undefined where all was */
  #commit(work: () => void): unknown {
    const { store } = this.#context;
    try {
      store.begin();
      work();
    } catch (error) {
      this.#undo();
      // A large transaction writes to the log, and may sync it, before its end.
      if (isSyncFailure(error) || error instanceof LostOwnershipError) this.#fail(error);
      return error;
    }
    try {
      crashPoint('engine.committing');
      store.commit();
      crashPoint('engine.committed');
      this.#context.catalog.settled();
      return undefined;
    } catch (error) {
      this.#undo();
      if (isDiskFull(error)) return new EngineError(14031, 'the disk is full');
      // After a failed fsync nobody knows what is on the disk: to acknowledge anything more would be a lie.
      this.#fail(error);
      return error;
    }
  }

  #undo(): void {
    try {
      this.#context.store.rollback();
      this.#context.catalog.refresh();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#hasFailed = true;
    this.#options.onFatal(error);
  }

  #run(connection: Connection, message: Message): Buffer {
    const context = this.#context;
    try {
      const request = this.#request(connection, message);
      const command = COMMANDS.get(request.command);
      if (command === undefined || 'task' in command)
        throw new UnsupportedError(59, `no such command: '${request.command}'; it`);
      if (!command.writes) return command.run(context, request);
      return context.store.nested(() => command.run(context, request));
    } catch (error) {
      if (isStoreFailure(error)) throw error;
      // What the savepoint took back may have changed what memory knows of collections.
      context.catalog.refreshIfChanged();
      if (error instanceof UnsupportedError) this.counters.refused += 1;
      if (!(error instanceof EngineError)) this.#logFault(error, message);
      return errorReply(error);
    }
  }

  async #runTask(connection: Connection, message: Message, command: TaskCommand): Promise<Buffer> {
    try {
      return await command.task(this.#context, this.#request(connection, message));
    } catch (error) {
      if (!(error instanceof EngineError)) this.#logFault(error, message);
      return errorReply(error);
    }
  }

  #request(connection: Connection, message: Message): Request {
    const { body, sequences } = message;
    const command = commandName(body);
    const options = new Options(body, command);
    const maxTimeMs = options.integer('maxTimeMS') ?? 0;
    return {
      command,
      database: message.isLegacy ? 'admin' : databaseOf(options),
      body,
      options,
      sequences,
      connectionId: connection.id,
      deadline: maxTimeMs > 0 ? this.#context.clock.monotonic() + maxTimeMs : undefined,
    };
  }

  #logFault(error: unknown, message: Message): void {
    const stack = error instanceof Error ? error.stack : String(error);
    this.#options.logger.error(
      { command: commandName(message.body), stack },
      'a command failed for a fault of the engine',
    );
  }
}

function databaseOf(options: Options): string {
  const value = options.get('$db');
  if (value?.type !== BsonType.string) throw new EngineError(40571, 'OP_MSG requests require a $db argument');
  return stringOf(value);
}

/** SQLite's extended code, 0 for what is none of its errors. */
const extendedCode = (error: unknown): number => {
  const code: unknown = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code : 0;
};

const sqliteCode = (error: unknown): number => extendedCode(error) & 0xff;

/** SQLITE_IOERR_FSYNC and SQLITE_IOERR_DIR_FSYNC. */
function isSyncFailure(error: unknown): boolean {
  return [1034, 1290].includes(extendedCode(error));
}

/** SQLITE_FULL. */
function isDiskFull(error: unknown): boolean {
  return sqliteCode(error) === 13;
}

/** Failures of SQLite that concern the whole transaction: out of memory, I/O, corruption, full, no database. */
function isStoreFailure(error: unknown): boolean {
  return [7, 10, 11, 13, 26].includes(sqliteCode(error));
}

function errorReply(error: unknown): Buffer {
  const known =
    error instanceof EngineError ? error : isDiskFull(error) ? new EngineError(14031, 'the disk is full') : undefined;
  const code = known?.code ?? 1;
  const writer = new DocumentWriter().double('ok', 0).int('code', code).string('codeName', codeNameOf(code));
  writer.string('errmsg', known?.message ?? 'internal error of the embedded engine');
  if (known !== undefined) writeKeys(writer, known);
  return writer.finish();
}
