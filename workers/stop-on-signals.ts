import type { Lifecycle } from '../lib/kernel/lifecycle.ts';
import type { Logger } from '../lib/kernel/logger.ts';

export interface StopParts {
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  readonly drainMs: number;
}

/** Node has been seen to hang in its own exit; the process that started this one ends it then (setup/node24.mjs). */
const EXIT_GRACE_MS = 300;

/**
 * Ends the process in good order: exit code 0 after SIGTERM or SIGINT, or when the process that started this one is
 * gone; 1 after an error that nobody caught, for then nothing is known of the state in memory. Repeated signals
 * change nothing: the drain has a deadline of its own.
 */
export function stopOnSignals({ lifecycle, logger, drainMs }: StopParts): { now(): Promise<void> } {
  let stopping: Promise<void> | undefined;
  const stop = (reason: string, code: number): Promise<void> => {
    stopping ??= (async () => {
      logger.info({ reason }, 'stopping');
      const late = await lifecycle.stop(drainMs);
      process.exitCode = code;
      if (late.length > 0) logger.warn({ services: late }, 'stopped, not all of it in good order');
      else logger.info({}, 'stopped');
    })();
    return stopping;
  };
  const stopAndExit = (reason: string, code: number): void => {
    void stop(reason, code).finally(() => setTimeout(() => process.exit(), EXIT_GRACE_MS).unref());
  };
  process.on('SIGTERM', () => stopAndExit('SIGTERM', 0));
  process.on('SIGINT', () => stopAndExit('SIGINT', 0));
  process.on('disconnect', () => stopAndExit('the starting process is gone', 0));
  // The channel is there to notice that; it must not keep the process alive.
  process.channel?.unref();
  process.on('uncaughtException', (error) => {
    logger.error({ err: error }, 'an error that nobody caught');
    stopAndExit('an error that nobody caught', 1);
  });
  process.on('unhandledRejection', (reason) => {
    logger.error({ err: reason }, 'a rejection that nobody handled');
    stopAndExit('a rejection that nobody handled', 1);
  });
  return { now: () => stop('the start failed', 1) };
}
