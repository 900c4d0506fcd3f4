import { randomBytes } from 'node:crypto';
import { CommandRefused, type Completion, type ImapLogger, WrongState } from '../commands/command.ts';
import { responseText } from '../responses/text.ts';
import { SessionError } from '../session/session-error.ts';
import { RefusedArgument, SyntaxFault } from '../wire/faults.ts';

/** How a command ends for the client. */
export type Answer =
  | { readonly kind: 'tagged'; readonly status: 'OK' | 'NO' | 'BAD'; readonly line: string }
  /** The connection ends, and not a word is said of the command. */
  | { readonly kind: 'bye'; readonly reason: string };

function tagged(status: 'OK' | 'NO' | 'BAD', code: string | undefined, text: string): Answer {
  const prefix = code === undefined ? '' : `[${code}] `;
  return { kind: 'tagged', status, line: `${status} ${prefix}${responseText(text)}` };
}

export function answerSuccess({ code, text }: Completion): Answer {
  return tagged('OK', code, text ?? 'Completed');
}

/** What was thrown, as the client may hear it. What nobody meant to throw goes to the log under a reference. */
export function answerFailure(error: unknown, logger: ImapLogger, command: string): Answer {
  if (error instanceof SyntaxFault || error instanceof WrongState) return tagged('BAD', undefined, error.message);
  if (error instanceof RefusedArgument) {
    const code = error.code === 'BADCHARSET' ? 'BADCHARSET (US-ASCII UTF-8)' : error.code;
    return tagged('NO', code, error.message);
  }
  if (error instanceof CommandRefused) return tagged('NO', error.code, error.message);
  if (error instanceof SessionError) return answerSessionError(error, logger, command);
  return internalError(error, logger, command);
}

function internalError(error: unknown, logger: ImapLogger, command: string): Answer {
  const reference = randomBytes(6).toString('hex');
  logger.error({ err: error, command, reference }, 'command failed unexpectedly');
  return tagged('NO', 'SERVERBUG', `Internal error, reference ${reference}`);
}

function answerSessionError(error: SessionError, logger: ImapLogger, command: string): Answer {
  switch (error.code) {
    case 'SERVERBUG':
      return internalError(error.cause ?? error, logger, command);
    case 'UNAVAILABLE':
      logger.warn({ err: error.cause ?? error, command }, 'command failed for the time being');
      return tagged('NO', error.code, error.message);
    case 'outcome-unknown':
      logger.warn({ err: error.cause ?? error, command }, 'outcome of a command is unknown');
      return { kind: 'bye', reason: 'Server trouble, please connect again' };
    case 'session-over':
      return { kind: 'bye', reason: error.message };
    default:
      return tagged('NO', error.code, error.message);
  }
}
