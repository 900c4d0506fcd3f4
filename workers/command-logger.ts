import { createLogger, type Logger, type LogLevel } from '../lib/kernel/logger.ts';

/** Logs as JSON lines on standard error, so that standard output is free for what a command prints. */
export function commandLogger(level: LogLevel): Logger {
  return createLogger(level, (line) => void process.stderr.write(line));
}
