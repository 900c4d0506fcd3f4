import { readLines } from './text-lines.ts';

/** File of a mailbox, a folder for each level above it. What a file name may not hold or begin with is `%` and hexadecimal. */
export function mboxFileOf(path: string): string {
  return `${path.split('/').map(fileNameOf).join('/')}.mbox`;
}

/** The mailbox of such a file. */
export function mailboxOfFile(file: string): string {
  return file
    .slice(0, -'.mbox'.length)
    .replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

function fileNameOf(level: string): string {
  return level.replace(
    /^\.|[%\u0000-\u001f\u007f]/g,
    (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
  );
}

/**
 * A message as mboxrd: a separator, one `>` more before each `From ` at a line's start however many stand there,
 * LF line ends, and an empty line.
 * @param receivedAt ms since 1970
 */
export async function* mboxMessage(octets: AsyncIterable<Buffer>, receivedAt: number): AsyncIterable<Buffer> {
  yield Buffer.from(`From MAILER-DAEMON ${asctime(receivedAt)}\n`);
  let endsLine = true;
  for await (const line of readLines(octets)) {
    if (line.isStart && needsQuote(line.octets)) yield Buffer.from('>');
    endsLine = line.octets.at(-1) === 0x0a;
    const isCrlf = endsLine && line.octets.at(-2) === 0x0d;
    yield isCrlf ? Buffer.concat([line.octets.subarray(0, -2), Buffer.from('\n')]) : line.octets;
  }
  yield Buffer.from(endsLine ? '\n' : '\n\n');
}

function needsQuote(octets: Buffer): boolean {
  let at = 0;
  while (octets[at] === 0x3e) at += 1;
  return octets.subarray(at, at + 5).toString('latin1') === 'From ';
}

/** `Thu Jan  1 00:00:00 1970`, in UTC. */
function asctime(at: number): string {
  const [day = '', date = '', month = '', year = '', time = ''] = new Date(at)
    .toUTCString()
    .replace(',', '')
    .split(' ');
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`;
}
