import { flagsText } from '../../protocol/flags.ts';
import type { ColumnItem } from '../../protocol/fetch-item.ts';
import { columnText } from '../../responses/message-data.ts';
import type { ColumnSpan, MailboxView } from '../../view/mailbox-view.ts';
import type { Output } from '../../wire/output.ts';

/** A FETCH line for each message of the span whose modseq is above `changedSince`. */
export function writeColumns(
  output: Output,
  view: MailboxView,
  { columns, at: first, position, count }: ColumnSpan,
  items: readonly ColumnItem[],
  changedSince = -1,
): void {
  const { recentFrom } = view.mailbox;
  const endsWithFlags = items.at(-1)?.kind === 'flags';
  const others = endsWithFlags ? items.slice(0, -1) : items;
  const endings = new FlagEndings(others.length === 0 ? ' FETCH (' : ' ');
  const starts = new LineStarts();
  let lines = '';
  for (let index = 0; index < count; index += 1) {
    const at = first + index;
    if (changedSince >= 0 && columns.modseq(at) <= changedSince) continue;
    const isRecent = columns.uid(at) >= recentFrom;
    let line = starts.of(position + index + 1);
    let separator = ' FETCH (';
    for (const item of others) {
      line += separator + columnText(item, columns, at, isRecent);
      separator = ' ';
    }
    lines += line + (endsWithFlags ? endings.of(columns.systemFlags(at), columns.keywords(at), isRecent) : ')\r\n');
  }
  if (lines !== '') output.write(lines);
}

const LAST_DIGITS: readonly string[] = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));

/**
 * `* ` and the number of the message. V8 keeps the texts of a few thousand numbers and makes those of all others digit by
 * digit; message numbers ascend, so that all but the last three digits stay as they are for a thousand lines.
 */
class LineStarts {
  #thousands = -1;
  #text = '';

  of(number: number): string {
    if (number < 1000) return `* ${number}`;
    const thousands = Math.floor(number / 1000);
    if (thousands !== this.#thousands) {
      this.#thousands = thousands;
      this.#text = `* ${thousands}`;
    }
    return this.#text + (LAST_DIGITS[number % 1000] ?? '');
  }
}

/**
 * Lines from their flags on. Messages have few sets of flags between them: each ending is made once, and a line of a
 * large mailbox is little more than its number.
 */
class FlagEndings {
  readonly #start: string;
  /** By the list of keywords, which is one for all messages that have the same, and by the other flags. */
  readonly #known = new Map<readonly string[], string[]>();

  constructor(start: string) {
    this.#start = start;
  }

  of(system: number, keywords: readonly string[], isRecent: boolean): string {
    const bits = 2 * system + Number(isRecent);
    let known = this.#known.get(keywords);
    if (known === undefined) this.#known.set(keywords, (known = []));
    // Joined, for a text that is added piece by piece stays in its pieces, and is copied so each time.
    return (known[bits] ??= [this.#start, 'FLAGS (', flagsText(system, keywords, isRecent), '))\r\n'].join(''));
  }
}
