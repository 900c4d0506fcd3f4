import { parseArgs } from 'node:util';
import { armCrashPoint } from '../../kernel/crash-point.ts';
import { createLogger } from '../../kernel/logger.ts';
import { startEngine, type RunningEngine } from '../server/start.ts';
import { DAMAGED, enginePaths } from './engine-paths.ts';
import { OwnedElsewhereError } from '../server/owner-lock.ts';
import { DamagedFilesError } from '../store/verify-files.ts';

/** Exit statuses: the data belongs to a running engine; the disk or the program has failed. */
const OWNED_ELSEWHERE = 75;
const FAILED = 70;
/** The first client has this long to come; whoever starts an engine connects at once. */
const FIRST_CLIENT_MS = 10_000;
/** Clients that are still there this long after SIGTERM are cut off. */
const LAST_CALL_MS = 15_000;

const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string' },
    'grace-ms': { type: 'string', default: '1000' },
    'crash-point': { type: 'string' },
  },
});
const dataDir = values['data-dir'] ?? '';
const graceMs = Number(values['grace-ms']);
armCrashPoint(values['crash-point'], () => process.kill(process.pid, 'SIGKILL'));

// Whoever started the engine and reads its log may be gone; the engine goes on without.
process.stderr.on('error', () => undefined);
const logger = createLogger('info', (line) => void process.stderr.write(line));

/** The engine lives as long as it has clients, and a little longer for one that is about to come. */
async function main(): Promise<void> {
  const running: { engine?: RunningEngine } = {};
  let clients = 0;
  let isEnding = false;
  let isClosing = false;
  let timer: NodeJS.Timeout | undefined;

  const close = (): void => {
    if (isClosing || running.engine === undefined) return;
    isClosing = true;
    clearTimeout(timer);
    running.engine.close().then(
      () => process.exit(0),
      // An exit would wait for a thread that does not end. What is acknowledged is on the disk.
      () => process.kill(process.pid, 'SIGKILL'),
    );
  };
  const closeIn = (delayMs: number): void => {
    clearTimeout(timer);
    timer = setTimeout(close, delayMs);
  };

  // A terminal sends these to the whole group; servers that are still draining need the engine meanwhile.
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  process.on('SIGTERM', () => {
    isEnding = true;
    closeIn(clients === 0 ? 0 : LAST_CALL_MS);
  });
  running.engine = await startEngine({
    ...enginePaths(dataDir),
    logger,
    onFatal: () => process.exit(FAILED),
    onClients: (count) => {
      clients = count;
      if (count === 0) closeIn(isEnding ? 0 : graceMs);
      else if (!isEnding) clearTimeout(timer);
    },
  });
  closeIn(FIRST_CLIENT_MS);
}

process.on('uncaughtException', (error) => {
  logger.error({ stack: error.stack }, 'the embedded engine fails');
  process.exit(FAILED);
});

main().catch((error: unknown) => {
  if (error instanceof OwnedElsewhereError) process.exit(OWNED_ELSEWHERE);
  const isDamaged = error instanceof DamagedFilesError;
  const text = isDamaged ? `${error.message}; 'eider db check --accept-loss' goes on without it` : String(error);
  logger.error({ error: text }, 'the embedded engine cannot start');
  process.exit(isDamaged ? DAMAGED : FAILED);
});
