import type { Command } from '../commands/command.ts';
import { findCommand } from '../commands/registry.ts';
import type { CommandLimits } from '../wire/command-reader.ts';
import type { CommandText, LiteralHeader } from '../wire/command-text.ts';
import { Decoder } from '../wire/decoder.ts';
import { SyntaxFault } from '../wire/faults.ts';
import type { ImapLimits } from './limits.ts';

/** RFC 7888 section 4. */
const LITERAL_MINUS_OCTETS = 4096;
/** What is read and forgotten of a refused command before the connection ends. */
export const SKIPPED_OCTETS = 1024 * 1024;

export interface ReadCommand {
  readonly command: Command;
  readonly isUid: boolean;
  /** Stands behind the command's name. */
  readonly decoder: Decoder;
}

/** The command that a text names. @throws SyntaxFault */
export function readCommand(text: CommandText): ReadCommand {
  const decoder = new Decoder(text);
  decoder.tag();
  decoder.space();
  const word = decoder.word();
  const isUid = word === 'UID';
  if (isUid) decoder.space();
  const command = findCommand(isUid ? decoder.word() : word, isUid);
  if (command === undefined) throw new SyntaxFault('Unknown command');
  return { command, isUid, decoder };
}

/** How much the next command may be. */
export function commandLimits(limits: ImapLimits, isLoggedIn: boolean): CommandLimits {
  return {
    lineOctets: isLoggedIn ? limits.lineOctets : limits.lineOctetsBeforeLogin,
    literals: isLoggedIn ? limits.literals : limits.literalsBeforeLogin,
    literalOctets: limits.literalOctets,
    nonSynchronisingOctets: LITERAL_MINUS_OCTETS,
    commandOctets: isLoggedIn ? undefined : limits.commandOctetsBeforeLogin,
    skippedOctets: SKIPPED_OCTETS,
  };
}

/** What becomes of a literal that a command announces: before log-in nobody appends. */
export function judgeLiteral(
  text: CommandText,
  literal: LiteralHeader,
  isLoggedIn: boolean,
): 'collect' | 'stream' | 'bye' {
  try {
    const { command, decoder } = readCommand(text);
    if (command.name === 'APPEND' && !isLoggedIn) return 'bye';
    return command.streams(decoder, literal) ? 'stream' : 'collect';
  } catch (error) {
    // What it is will be told when it is complete.
    if (error instanceof SyntaxFault) return 'collect';
    throw error;
  }
}
