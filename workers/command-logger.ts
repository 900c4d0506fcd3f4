import { createLogger, type Logger, type LogLevel } from '../lib/kernel/logger.ts';

/**
 * Logs as JSON lines on standard error, so that standard output is free for what a command prints. Where nobody reads
 * them any more the work goes on without a log: a failed write must not become an error that is logged in turn.
 */
export function commandLogger(level: LogLevel): Logger {
  let isRead = true;
  process.stderr.on('error', () => {
    isRead = false;
  });
  // What is printed once the server runs is for whoever looks; nobody need.
  process.stdout.on('error', () => undefined);
  return createLogger(level, (line) => {
    if (isRead) process.stderr.write(line);
  });
}
