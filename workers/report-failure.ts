import { ConfigError } from '../lib/config/index.ts';
import { MailError } from '../lib/kernel/errors.ts';
import { CommandError } from './command-error.ts';

/** Says on standard error why a command failed: a sentence where it is its user's to mend, else with the trace. */
export function reportFailure(error: unknown): void {
  process.stderr.write(`${describeFailure(error)}\n`);
}

/** Errors of targets and backups, whose sentences are for whoever keeps them. */
const OF_BACKUPS: ReadonlySet<string> = new Set([
  'DamagedObject',
  'RestoreUnderWay',
  'StoreNotEmpty',
  'TargetError',
  'UnusableExport',
  'WrongKey',
]);

function describeFailure(error: unknown): string {
  if (error instanceof ConfigError) {
    return [
      'eider: the configuration has mistakes:',
      ...error.problems.map(({ where, message }) => `  ${where}: ${message}`),
    ].join('\n');
  }
  if (error instanceof CommandError) return `eider: ${error.message}`;
  // By name, so that commands without backups do not load what makes them.
  if (error instanceof Error && OF_BACKUPS.has(error.name)) return `eider: ${error.message}`;
  if (isFileError(error)) return `eider: ${error.message}`;
  if (error instanceof MailError) {
    const details = [...(error.details ?? [])].map(([field, sentence]) => `\n  ${field}: ${sentence}`).join('');
    return `eider: ${error.message}${details}${error.code === 'internal' ? traceOf(error.cause) : reasonOf(error.cause)}`;
  }
  return `eider: ${traceOf(error).trimStart()}`;
}

/** Whoever runs a command may know what is kept from strangers. */
function reasonOf(cause: unknown): string {
  if (cause instanceof Error) return `: ${cause.message}`;
  return typeof cause === 'string' ? `: ${cause}` : '';
}

/** What the file system says of a path is for the user to mend: a file in the place of a folder, a full disk. */
function isFileError(error: unknown): error is Error {
  return error instanceof Error && 'path' in error && 'syscall' in error && 'code' in error;
}

function traceOf(error: unknown): string {
  return `\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
