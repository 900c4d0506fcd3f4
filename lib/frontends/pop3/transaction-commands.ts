import { bad, ok, refused, type Answer, type Command, type Transaction } from './command.ts';
import { LineEncoder } from './line-encoder.ts';
import { expungeMarked } from './maildrop.ts';
import type { MaildropMessage } from './maildrop-columns.ts';

/** How long the commit of QUIT may take, in milliseconds. */
const QUIT_TIMEOUT = 30_000;

/** Commands of the TRANSACTION state (RFC 1939 sections 5 and 7). */
export const transactionCommands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['STAT', { state: 'transaction', arguments: { min: 0, max: 0 }, run: (_args, at) => stat(at) }],
  ['LIST', { state: 'transaction', arguments: { min: 0, max: 1 }, run: (args, at) => listing(args, at, sizeLine) }],
  ['UIDL', { state: 'transaction', arguments: { min: 0, max: 1 }, run: (args, at) => listing(args, at, idLine) }],
  ['RETR', { state: 'transaction', arguments: { min: 1, max: 1 }, run: retr }],
  ['TOP', { state: 'transaction', arguments: { min: 2, max: 2 }, run: top }],
  ['DELE', { state: 'transaction', arguments: { min: 1, max: 1 }, run: dele }],
  ['RSET', { state: 'transaction', arguments: { min: 0, max: 0 }, run: (_args, at) => rset(at) }],
  ['NOOP', { state: 'transaction', arguments: { min: 0, max: 0 }, run: () => ok('Nothing done') }],
]);

const NO_SUCH_MESSAGE = refused('No such message');

/** A decimal number of up to nine digits; POP3 knows no signs. */
function numberOf(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The message that a command names, or the answer that says why there is none. */
function messageOf(text: string | undefined, at: Transaction): MaildropMessage | Answer {
  const number = numberOf(text ?? '');
  if (number === undefined) return bad('A message number is wanted');
  return at.maildrop.find(number) ?? NO_SUCH_MESSAGE;
}

function stat({ maildrop }: Transaction): Answer {
  return ok(`${String(maildrop.count)} ${String(maildrop.octets)}`);
}

type LineOf = (message: MaildropMessage, at: Transaction) => string;

function sizeLine(message: MaildropMessage): string {
  return `${String(message.number)} ${String(message.crlfSize)}`;
}

function idLine(message: MaildropMessage, { maildrop }: Transaction): string {
  return `${String(message.number)} ${maildrop.uniqueId(message)}`;
}

function listing(args: readonly string[], at: Transaction, lineOf: LineOf): Answer {
  if (args.length === 0) {
    return { kind: 'lines', text: `${String(at.maildrop.count)} messages`, lines: linesOf(at, lineOf) };
  }
  const message = messageOf(args[0], at);
  return 'kind' in message ? message : ok(lineOf(message, at));
}

function* linesOf(at: Transaction, lineOf: LineOf): Generator<string> {
  for (const message of at.maildrop.live()) yield lineOf(message, at);
}

async function retr(args: readonly string[], at: Transaction): Promise<Answer> {
  const message = messageOf(args[0], at);
  if ('kind' in message) return message;
  return send(message, at, new LineEncoder(), `${String(message.crlfSize)} octets`);
}

async function top(args: readonly string[], at: Transaction): Promise<Answer> {
  const lines = numberOf(args[1] ?? '');
  if (lines === undefined) return bad('A number of lines is wanted');
  const message = messageOf(args[0], at);
  if ('kind' in message) return message;
  return send(message, at, new LineEncoder(lines), 'Top of message follows');
}

async function send(message: MaildropMessage, at: Transaction, encoder: LineEncoder, text: string): Promise<Answer> {
  const content = await at.rooms.messages.open(at.user.account, message.messageId);
  return { kind: 'content', text, content: encoded(content.range(0, content.size), encoder) };
}

async function* encoded(octets: AsyncIterable<Buffer>, encoder: LineEncoder): AsyncGenerator<Buffer> {
  for await (const chunk of octets) {
    yield encoder.push(chunk);
    // Leaving the loop ends the stream: what TOP does not show is not read.
    if (encoder.isDone) break;
  }
  yield encoder.end();
}

function dele(args: readonly string[], at: Transaction): Answer {
  const message = messageOf(args[0], at);
  if ('kind' in message) return message;
  at.maildrop.mark(message);
  return ok('Marked as deleted');
}

function rset({ maildrop }: Transaction): Answer {
  maildrop.unmarkAll();
  return ok(`${String(maildrop.count)} messages (${String(maildrop.octets)} octets)`);
}

/** The UPDATE state (RFC 1939 section 6): what is marked goes, by one record. */
export async function update({ rooms, user, maildrop }: Transaction): Promise<void> {
  const deadline = rooms.clock.monotonic() + QUIT_TIMEOUT;
  await expungeMarked(rooms.mailboxes, user.account, maildrop, { deadline });
}
