import { createReadStream } from 'node:fs';
import { SystemFlag, type FlagSet } from '../../lib/journal/index.ts';
import type { ReadCounter, SourceItem } from './source-message.ts';
import { LineEnds, readLines, type TextLine } from './text-lines.ts';

/** Separator of the mbox formats (RFC 4155): `From `, an address, a date as asctime writes it. */
const SEPARATOR =
  /^From \S.* (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\w{3}) ([ \d]\d) (\d\d):(\d\d)(?::(\d\d))?(?: \S+)? (\d{4})/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Reads a file in one of the mbox formats; `>From ` loses one `>` (mboxrd). */
export async function* readMbox(path: string, mailbox: string, counter: ReadCounter): AsyncIterable<SourceItem> {
  const lines = readLines(counted(createReadStream(path), counter))[Symbol.asyncIterator]();
  let next = await lines.next();
  for (let number = 1; next.done !== true; number += 1) {
    const separator = parseSeparator(next.value);
    if (separator === undefined) {
      yield { kind: 'skipped', name: path, reason: 'it does not begin with a "From " line: no mbox' };
      break;
    }
    const reader = new MboxMessage(lines);
    yield {
      kind: 'message',
      name: `${path}, message ${String(number)}`,
      mailbox,
      octets: reader.octets(),
      flags: () => reader.flags(),
      receivedAt: separator.at,
    };
    // Whatever the consumer left unread is passed over.
    next = await reader.skipToNext();
  }
  await lines.return?.();
}

/** One message of the file, from behind its separator to the next one. */
class MboxMessage {
  readonly #lines: AsyncIterator<TextLine>;
  readonly #status = new StatusFields();
  #next: IteratorResult<TextLine> | undefined;

  constructor(lines: AsyncIterator<TextLine>) {
    this.#lines = lines;
  }

  flags(): FlagSet {
    return this.#status.flags();
  }

  async *octets(): AsyncIterable<Buffer> {
    const ends = new LineEnds();
    let blank: Buffer | undefined;
    let endsHeader = false;
    for (let line = await this.#read(); line !== undefined; line = await this.#read()) {
      // The empty line before a separator belongs to the format, not to the message.
      if (blank !== undefined) yield ends.apply(blank);
      blank = undefined;
      const isInHeader = !this.#status.isInBody;
      this.#status.see(line);
      endsHeader = isInHeader && this.#status.isInBody;
      if (line.isStart && isBlank(line.octets)) blank = line.octets;
      else yield ends.apply(unquoted(line));
    }
    if (blank !== undefined && endsHeader) yield ends.apply(blank);
  }

  async skipToNext(): Promise<IteratorResult<TextLine>> {
    while ((await this.#read()) !== undefined);
    return this.#next ?? { done: true, value: undefined };
  }

  /** The next line of this message. */
  async #read(): Promise<TextLine | undefined> {
    if (this.#next !== undefined) return undefined;
    const next = await this.#lines.next();
    if (next.done !== true && parseSeparator(next.value) === undefined) return next.value;
    this.#next = next;
    return undefined;
  }
}

/** `Status` and `X-Status`, in which mbox keeps flags. */
class StatusFields {
  #letters = '';
  isInBody = false;

  see({ octets, isStart }: TextLine): void {
    if (this.isInBody || !isStart) return;
    if (isBlank(octets)) {
      this.isInBody = true;
      return;
    }
    const field = /^(Status|X-Status):([ \t\w]*)\r?\n?$/i.exec(octets.subarray(0, 100).toString('latin1'));
    if (field === null) return;
    // D in Status is nobody's; in X-Status it means deleted.
    this.#letters += field[1]?.toLowerCase() === 'status' ? (field[2] ?? '').replace(/[^R]/g, '') : (field[2] ?? '');
  }

  flags(): FlagSet {
    const has = (letter: string, flag: number): number => (this.#letters.includes(letter) ? flag : 0);
    const { seen, answered, flagged, deleted, draft } = SystemFlag;
    const system = has('R', seen) + has('A', answered) + has('F', flagged) + has('D', deleted) + has('T', draft);
    return { system, keywords: [] };
  }
}

function isBlank(octets: Buffer): boolean {
  return octets.length <= 2 && (octets[0] === 0x0a || (octets[0] === 0x0d && octets[1] === 0x0a));
}

/** One `>` less before `From ` however many stand there. */
function unquoted({ octets, isStart }: TextLine): Buffer {
  if (!isStart || octets[0] !== 0x3e) return octets;
  let at = 0;
  while (octets[at] === 0x3e) at += 1;
  return octets.subarray(at, at + 5).toString('latin1') === 'From ' ? octets.subarray(1) : octets;
}

function parseSeparator({ octets, isStart }: TextLine): { readonly at: number | undefined } | undefined {
  if (!isStart || octets.subarray(0, 5).toString('latin1') !== 'From ') return undefined;
  const match = SEPARATOR.exec(octets.subarray(0, 1000).toString('latin1'));
  if (match === null) return undefined;
  const [, month = '', day, hour, minute, second = '0', year] = match;
  const at = Date.UTC(Number(year), MONTHS.indexOf(month), Number(day), Number(hour), Number(minute), Number(second));
  return { at: MONTHS.includes(month) ? at : undefined };
}

async function* counted(stream: AsyncIterable<Buffer>, counter: ReadCounter): AsyncIterable<Buffer> {
  for await (const chunk of stream) {
    counter.octets += chunk.length;
    yield chunk;
  }
}
