const DASH = 45;

/** A line longer than this is never a delimiter; RFC 5322 section 2.1.1 allows lines 998 octets. */
export const MAX_DELIMITER_OCTETS = 1024;

export interface Delimiter {
  /** Which of the open multiparts, as given to `open`. */
  readonly level: number;
  readonly isClose: boolean;
}

/**
 * The boundaries of the open multiparts. A line is a delimiter where it begins with two dashes and a boundary, whatever
 * follows (RFC 2046 section 5.1.1); of boundaries that begin alike the longest counts, of equal ones the innermost.
 */
export class Delimiters {
  readonly #open: { readonly boundary: string; readonly level: number }[] = [];

  #shortest = 0;

  get isEmpty(): boolean {
    return this.#open.length === 0;
  }

  open(boundary: string, level: number): void {
    this.#open.push({ boundary, level });
    this.#measure();
  }

  close(level: number): void {
    const index = this.#open.findIndex((open) => open.level === level);
    if (index >= 0) this.#open.splice(index, 1);
    this.#measure();
  }

  /** @param octets the line from `start` up to `end`, which begins with two dashes */
  match(octets: Buffer, start: number, end: number): Delimiter | undefined {
    if (end - start > MAX_DELIMITER_OCTETS || end - start - 2 < this.#shortest) return undefined;
    const text = octets.toString('latin1', start + 2, end);
    let found: { readonly boundary: string; readonly level: number } | undefined;
    for (const open of this.#open) {
      if (open.boundary.length >= (found?.boundary.length ?? 0) && text.startsWith(open.boundary)) found = open;
    }
    return found && { level: found.level, isClose: text.startsWith('--', found.boundary.length) };
  }

  #measure(): void {
    this.#shortest = Math.min(...this.#open.map(({ boundary }) => boundary.length));
  }
}

/** Whether a line that begins at `start` begins with two dashes; undefined where the octets end too soon to say. */
export function beginsWithDashes(octets: Buffer, start: number): boolean | undefined {
  if (start >= octets.length) return undefined;
  if (octets[start] !== DASH) return false;
  return start + 1 >= octets.length ? undefined : octets[start + 1] === DASH;
}
