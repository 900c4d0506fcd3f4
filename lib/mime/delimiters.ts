const CR = 13;
const DASH = 45;
const SPACE = 32;
const TAB = 9;

/** A line longer than this is never a delimiter: 2 + 200 + 2 octets and room for transport padding. */
export const MAX_DELIMITER_OCTETS = 1024;

export interface Delimiter {
  /** Which of the open multiparts, as given to `open`. */
  readonly level: number;
  readonly isClose: boolean;
}

/**
 * The boundaries of the open multiparts. A line is a delimiter where all of it, save padding at its end, is `--`, the
 * boundary and perhaps `--` (the grammar of RFC 2046 section 5.1.1), so that boundaries which begin alike are told
 * apart; where a line could be two delimiters, or two multiparts share a boundary, it belongs to the inner one.
 */
export class Delimiters {
  readonly #levels = new Map<string, number[]>();

  get isEmpty(): boolean {
    return this.#levels.size === 0;
  }

  open(boundary: string, level: number): void {
    const levels = this.#levels.get(boundary);
    if (levels === undefined) this.#levels.set(boundary, [level]);
    else levels.push(level);
  }

  /** Forgets the innermost multipart of that boundary. */
  close(boundary: string): void {
    const levels = this.#levels.get(boundary);
    levels?.pop();
    if (levels?.length === 0) this.#levels.delete(boundary);
  }

  /** @param line octets from `start` up to `end`, which begin with two dashes; a CR at the end is passed over */
  match(octets: Buffer, start: number, end: number): Delimiter | undefined {
    if (end - start > MAX_DELIMITER_OCTETS) return undefined;
    let last = end;
    while (last > start && isPadding(octets[last - 1])) last -= 1;
    const text = octets.toString('latin1', start + 2, last);
    const open = this.#levels.get(text)?.at(-1);
    const close = text.endsWith('--') ? this.#levels.get(text.slice(0, -2))?.at(-1) : undefined;
    if (close !== undefined && close > (open ?? -1)) return { level: close, isClose: true };
    return open === undefined ? undefined : { level: open, isClose: false };
  }
}

function isPadding(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB || octet === CR;
}

/** Whether a line that begins at `start` begins with two dashes; undefined where the octets end too soon to say. */
export function beginsWithDashes(octets: Buffer, start: number): boolean | undefined {
  if (start >= octets.length) return undefined;
  if (octets[start] !== DASH) return false;
  return start + 1 >= octets.length ? undefined : octets[start + 1] === DASH;
}
