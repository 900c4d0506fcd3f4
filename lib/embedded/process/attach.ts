import { spawn } from 'node:child_process';
import { connect, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { armedCrashPoint } from '../../kernel/crash-point.ts';
import { NODE_FLAGS } from '../../../setup/node-flags.mjs';
import type { LogFields, Logger } from '../../kernel/logger.ts';
import { socketUri } from '../server/start.ts';
import { DAMAGED, enginePaths } from './engine-paths.ts';

const ENTRY = fileURLToPath(new URL('./engine-process.ts', import.meta.url));
const START_MS = 15_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1_000;
/** Damaged files are looked at again this often, in case somebody has seen to them. */
const PAUSE_AFTER_REFUSAL_MS = 10_000;

export interface AttachOptions {
  readonly dataDir: string;
  readonly logger: Logger;
  /** The Node that runs the engine; this process's own by default. */
  readonly nodePath?: string;
  /** How long the engine outlives its last client, in milliseconds. */
  readonly graceMs?: number;
  /** How long a start may take before whoever waits for it is told, in milliseconds; 15 s by default. */
  readonly startMs?: number;
}

export interface AttachedEngine {
  /** Connection string for the driver. */
  readonly uri: string;
  /** Lets go of the engine, which ends after its last client. Close the driver first. */
  close(): Promise<void>;
}

/**
 * The engine of a data directory: the one that runs, or one that is started. It is a child process in this process's
 * group, which others may use too and which outlives this one while they do. While attached, this process watches it
 * and starts it again when it dies; clients meanwhile get network errors.
 *
 * @throws Error where no engine can be reached in time
 */
export async function attachEmbedded(options: AttachOptions): Promise<AttachedEngine> {
  const { socketPath } = enginePaths(options.dataDir);
  const attachment = new Attachment(options, socketPath);
  await attachment.reach();
  return { uri: socketUri(socketPath), close: async () => attachment.close() };
}

/** One process's hold on an engine: an open connection, whose end tells of the engine's. */
class Attachment {
  readonly #options: AttachOptions;
  readonly #socketPath: string;
  #hold: Socket | undefined;
  #isClosed = false;
  /** True while a child of ours may still become the engine. */
  #isStarting = false;
  #hasStarted = false;
  #lastFailure = 'nothing answers on its socket';
  /** Why no engine will ever start on these files; to try again would be in vain. */
  #refusal: string | undefined;

  constructor(options: AttachOptions, socketPath: string) {
    this.#options = options;
    this.#socketPath = socketPath;
  }

  /** Connects, and starts an engine where there is none. @throws Error after startMs */
  async reach(): Promise<void> {
    const deadline = performance.now() + (this.#options.startMs ?? START_MS);
    let pause = FIRST_PAUSE_MS;
    while (!this.#isClosed) {
      const socket = await tryConnect(this.#socketPath);
      if (socket !== undefined) {
        this.#watch(socket);
        return;
      }
      if (this.#refusal !== undefined) throw new Error(`the embedded engine refuses to start: ${this.#refusal}`);
      if (performance.now() > deadline) throw new Error(`the embedded engine does not start: ${this.#lastFailure}`);
      if (!this.#isStarting) this.#start();
      await delay(pause);
      pause = Math.min(LONGEST_PAUSE_MS / 10, pause * 2);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#hold?.destroy();
  }

  #watch(socket: Socket): void {
    if (this.#isClosed) {
      socket.destroy();
      return;
    }
    this.#hold = socket;
    socket.unref();
    socket.resume();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#hold = undefined;
      if (!this.#isClosed) void this.#bringBack();
    });
  }

  /** Somebody may have seen to the files meanwhile. */
  #forgetRefusal(): void {
    this.#refusal = undefined;
  }

  async #bringBack(): Promise<void> {
    this.#options.logger.warn({}, 'the embedded engine has ended; it is started again');
    for (let pause = FIRST_PAUSE_MS; !this.#isClosed; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
      this.#forgetRefusal();
      try {
        await this.reach();
        return;
      } catch (error) {
        this.#options.logger.error({ error: String(error) }, 'the embedded engine cannot be started');
      }
      await delay(this.#refusal === undefined ? pause : PAUSE_AFTER_REFUSAL_MS, undefined, { ref: false });
    }
  }

  #start(): void {
    const { dataDir, nodePath = process.execPath, graceMs } = this.#options;
    const parameters = [...NODE_FLAGS, ENTRY, '--data-dir', dataDir];
    if (graceMs !== undefined) parameters.push('--grace-ms', String(graceMs));
    // The engine that follows one killed there is left in peace.
    const point = this.#hasStarted ? undefined : armedCrashPoint();
    if (point !== undefined) parameters.push('--crash-point', point);
    this.#hasStarted = true;
    this.#isStarting = true;
    const child = spawn(nodePath, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
    const logger = this.#options.logger.child({ component: 'embedded-engine', enginePid: child.pid });
    child.on('error', (error) => {
      this.#isStarting = false;
      this.#lastFailure = error.message;
    });
    child.on('exit', (code, signal) => {
      this.#isStarting = false;
      this.#lastFailure = `it ended with ${signal ?? `status ${code ?? 0}`}`;
    });
    child.on('close', (code) => {
      if (code === DAMAGED) this.#refusal = lastError;
    });
    let lastError = 'its files are damaged';
    forwardLog(child.stderr, logger, (error) => (lastError = error));
    // Neither the engine nor its log keeps this process alive.
    child.unref();
    // A child that could not be spawned has no pipe.
    if (child.stderr instanceof Socket) child.stderr.unref();
  }
}

function tryConnect(socketPath: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const fail = (): void => resolve(undefined);
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

/** The child's lines of JSON, as lines of this process's log. */
function forwardLog(stream: NodeJS.ReadableStream, logger: Logger, onError: (error: string) => void): void {
  const lines = createInterface({ input: stream });
  lines.on('line', (line) => {
    const { level, msg, fields } = readLine(line);
    if (typeof fields['error'] === 'string') onError(fields['error']);
    logger[level](fields, msg);
  });
}

function readLine(line: string): { level: 'debug' | 'info' | 'warn' | 'error'; msg: string; fields: LogFields } {
  try {
    const { level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
    // This log puts its own time to each line.
    const fields = Object.fromEntries(Object.entries(rest).filter(([name]) => name !== 'time'));
    const isKnown = level === 'debug' || level === 'info' || level === 'warn' || level === 'error';
    return { level: isKnown ? level : 'info', msg: typeof msg === 'string' ? msg : '', fields };
  } catch {
    return { level: 'warn', msg: 'the embedded engine writes', fields: { line } };
  }
}
