import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import { Catalog } from '../catalog/catalog.ts';
import { Records } from '../catalog/records.ts';
import type { Context, ReadAhead, ReadCommand, TaskCommand, WriteCommand } from '../commands/context.ts';
import { Cursors } from '../commands/cursors.ts';
import { housekeeping } from '../commands/housekeeping.ts';
import { commandName, Options, type Request } from '../commands/request.ts';
import { RetryTable } from '../commands/retry-table.ts';
import { ScanLog } from '../commands/scan-limit.ts';
import { COMMANDS } from '../commands/table.ts';
import { stringOf } from '../bson/value.ts';
import { BsonType } from '../bson/types.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { Memory } from '../plan/memory.ts';
import { Slice, type Work } from '../plan/slice.ts';
import type { Store } from '../store/store.ts';
import type { Upkeep } from '../upkeep/upkeep.ts';
import type { Connection, MessageSink } from '../wire/connection.ts';
import type { Message } from '../wire/message.ts';
import { CommitQueue } from './commit-queue.ts';
import { errorReply, isStoreFailure } from './error-reply.ts';
import { Lane, type Asked } from './lane.ts';
import { Slices } from './slices.ts';

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

/**
 * Runs commands. Reads run at once, and those that take long in slices; writes gather while others commit, and one
 * tick takes all that have gathered into one transaction, each behind a savepoint of its own. Replies leave when that
 * is durable.
 */
export class Engine implements MessageSink {
  readonly #options: EngineOptions;
  readonly #context: Context;
  readonly #slices: Slices;
  readonly #lanes = new Map<Connection, Lane>();
  readonly #commits: CommitQueue;
  #isClosed = false;
  #isSweeping = false;
  /** Commits made, commands in them, and further slices of those that took long, for tests and metrics. */
  readonly counters = { commits: 0, writes: 0, reads: 0, refused: 0, slices: 0 };

  constructor(options: EngineOptions) {
    this.#options = options;
    const { store, clock, logger, maxScan, upkeep } = options;
    const catalog = new Catalog(store);
    const { counters } = this;
    const { onCommit, onFatal } = options;
    this.#slices = new Slices(clock, counters);
    this.#commits = new CommitQueue({ store, catalog, counters, onCommit, onFatal });
    const cursors = new Cursors(clock);
    const memory = new Memory();
    memory.onPressure = () => cursors.spare();
    this.#context = {
      store,
      catalog,
      memory,
      records: new Records(store, catalog),
      cursors,
      retries: new RetryTable(store, clock),
      scans: new ScanLog(logger, maxScan),
      clock,
      logger,
      upkeep,
    };
  }

  accept(connection: Connection, message: Message, reply: (document: Buffer) => void): void {
    if (this.#commits.hasFailed || this.#isClosed) return;
    let lane = this.#lanes.get(connection);
    if (lane === undefined) {
      lane = new Lane(connection);
      this.#lanes.set(connection, lane);
    }
    lane.add({ message, isWrite: COMMANDS.get(commandName(message.body))?.writes === true, reply });
    this.#advance(lane);
  }

  rejected(connection: Connection, error: unknown): void {
    this.#options.logger.warn({ connection: connection.id, error: String(error) }, 'a client sent no valid message');
  }

  drained(connection: Connection): void {
    const lane = this.#lanes.get(connection);
    if (lane !== undefined) this.#advance(lane);
  }

  /** Writes that wait for their commit are done all the same; what is being read is not. */
  closed(connection: Connection): void {
    const lane = this.#lanes.get(connection);
    if (lane === undefined) return;
    this.#lanes.delete(connection);
    lane.clear();
    this.#stop(lane);
    this.#context.cursors.orphan(connection.id);
  }

  /** Housekeeping: forgets idle cursors and old results of retryable writes, and deletes what has expired. */
  sweep(): void {
    this.#context.cursors.expire();
    if (this.#isSweeping || this.#isClosed || this.#commits.hasFailed) return;
    this.#isSweeping = true;
    this.#sweepOn(housekeeping(this.#context));
  }

  /** The data is no longer this engine's: nothing is answered any more. */
  abandon(error: unknown): void {
    this.#commits.fail(error);
  }

  /**
   * Work of the engine's own in a transaction, durable when this returns.
   * @throws what keeps it from that
   */
  transact(work: () => void): void {
    if (this.#isClosed || this.#commits.hasFailed) throw new Error('the engine has stopped');
    const failure = this.#commits.commit(work);
    if (failure !== undefined)
      throw failure instanceof Error ? failure : new Error('nothing was committed', { cause: failure });
  }

  /** Commits what is queued; no command is accepted afterwards. */
  close(): void {
    this.#isClosed = true;
    for (const lane of this.#lanes.values()) {
      lane.clear();
      this.#stop(lane);
    }
    this.#commits.flush();
  }

  #stop(lane: Lane): void {
    const task = lane.reading;
    if (task === undefined) return;
    this.#slices.remove(task);
    task.stop();
  }

  #advance(lane: Lane): void {
    if (lane.isAdvancing) return;
    lane.isAdvancing = true;
    for (let asked = lane.next(); asked !== undefined; asked = lane.next()) this.#start(lane, asked);
    lane.isAdvancing = false;
  }

  #start(lane: Lane, asked: Asked): void {
    const { message } = asked;
    const name = commandName(message.body);
    try {
      if (message.failure !== undefined) throw message.failure;
      const request = requestOf(lane.connection, message, this.#context.clock);
      const command = COMMANDS.get(name);
      if (command === undefined) throw new UnsupportedError(59, `no such command: '${name}'; it`);
      if ('task' in command) void this.#runTask(lane, asked, command, request);
      else if (command.writes) this.#startWrite(lane, asked, command, request);
      else this.#startRead(lane, asked, command, request);
    } catch (error) {
      this.#refuse(lane, name, asked, error);
    }
  }

  #startRead(lane: Lane, asked: Asked, command: ReadCommand, request: Request): void {
    this.counters.reads += 1;
    const slice = new Slice(this.#context.clock, request.deadline);
    const work = command.run(this.#context, request, slice);
    if (Buffer.isBuffer(work)) asked.reply(work);
    else this.#carryOut(lane, { asked, slice, work, done: asked.reply });
  }

  /** Work beside the engine; what is asked next in its lane waits for it. */
  async #runTask(lane: Lane, asked: Asked, command: TaskCommand, request: Request): Promise<void> {
    lane.isInTask = true;
    try {
      asked.reply(await command.task(this.#context, request));
    } catch (error) {
      asked.reply(this.#failureReply(request.command, error));
    }
    lane.isInTask = false;
    this.#advance(lane);
  }

  #startWrite(lane: Lane, asked: Asked, command: WriteCommand, request: Request): void {
    const enqueue = (ahead?: ReadAhead): void => {
      lane.writes += 1;
      const work = (): Buffer => command.run(this.#context, request, ahead);
      this.#commits.add({
        octets: asked.message.body.octets.length,
        run: () => this.#guarded(request.command, work),
        settle: (document) => {
          lane.writes -= 1;
          asked.reply(document);
          this.#advance(lane);
        },
      });
    };
    // What waits for its commit before it in its lane could not be seen by a reading of now.
    const work = lane.writes > 0 ? undefined : this.#readAhead(command, request);
    if (work === undefined) enqueue();
    else this.#carryOut(lane, { asked, ...work, done: enqueue });
  }

  #readAhead(command: WriteCommand, request: Request): { slice: Slice; work: Work<ReadAhead> } | undefined {
    const slice = new Slice(this.#context.clock, request.deadline);
    try {
      const work = command.readAhead?.(this.#context, request, slice);
      return work === undefined ? undefined : { slice, work };
    } catch (error) {
      // The command will find the same, and tell it in its own way.
      if (error instanceof EngineError) return undefined;
      throw error;
    }
  }

  /** Does work in as many slices as it takes; what is asked next in its lane waits for it. */
  #carryOut<T>(lane: Lane, { asked, slice, work, done }: Carried<T>): void {
    const settle = (then: () => void): boolean => {
      lane.reading = undefined;
      then();
      this.#advance(lane);
      return true;
    };
    const step = (): boolean => {
      if (this.#commits.hasFailed) return true;
      try {
        const result = work.next();
        return result.done === true && settle(() => done(result.value));
      } catch (error) {
        return settle(() => this.#refuse(lane, commandName(asked.message.body), asked, error));
      }
    };
    const stop = (): void => void work.return(undefined as T);
    lane.reading = { slice, step, stop };
    this.#slices.begin(lane.reading);
  }

  #refuse(lane: Lane, name: string, asked: Asked, error: unknown): void {
    // Of a file that cannot be read nobody knows what it holds: the client had better ask again.
    if (isStoreFailure(error)) {
      this.#options.logger.error({ command: name, error: String(error) }, 'the file of the embedded engine fails');
      lane.connection.close();
    } else asked.reply(this.#failureReply(name, error));
  }

  /** Runs a command that writes, behind a savepoint. @throws what concerns the whole commit */
  #guarded(name: string, work: () => Buffer): Buffer {
    const { store, catalog } = this.#context;
    try {
      return store.nested(work);
    } catch (error) {
      if (isStoreFailure(error)) throw error;
      // What the savepoint took back may have changed what memory knows of collections.
      catalog.refreshIfChanged();
      return this.#failureReply(name, error);
    }
  }

  #failureReply(command: string, error: unknown): Buffer {
    if (error instanceof UnsupportedError) this.counters.refused += 1;
    if (!(error instanceof EngineError)) {
      const stack = error instanceof Error ? error.stack : String(error);
      this.#options.logger.error({ command, stack }, 'a command failed for a fault of the engine');
    }
    return errorReply(error);
  }

  /** A part with each commit, as any other write. */
  #sweepOn(work: Work<void>): void {
    let isDone = true;
    const step = (): Buffer => {
      isDone = work.next().done === true;
      return Buffer.alloc(0);
    };
    this.#commits.add({
      octets: 0,
      run: () => this.#guarded('sweep', step),
      settle: (_document, isCommitted) => {
        if (isDone || !isCommitted || this.#isClosed) this.#isSweeping = false;
        else this.#sweepOn(work);
      },
    });
  }
}

/** Work for one message, and what becomes of its result. */
interface Carried<T> {
  readonly asked: Asked;
  readonly slice: Slice;
  readonly work: Work<T>;
  readonly done: (result: T) => void;
}

function requestOf(connection: Connection, message: Message, clock: Clock): Request {
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
    deadline: maxTimeMs > 0 ? clock.monotonic() + maxTimeMs : undefined,
  };
}

function databaseOf(options: Options): string {
  const value = options.get('$db');
  if (value?.type !== BsonType.string) throw new EngineError(40571, 'OP_MSG requests require a $db argument');
  return stringOf(value);
}
