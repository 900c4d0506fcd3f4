import { MailError } from '../../lib/kernel/errors.ts';

/** Values and brackets in one body; a message of a hundred attachments has a thousand. */
const MAX_TOKENS = 200_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `,` `:` `[` `{`: each stands for one more value to build. */
const COUNTED: ReadonlySet<number> = new Set([0x2c, 0x3a, 0x5b, 0x7b]);

/**
 * Counts the structure of a JSON text as it arrives, so that a body of millions of tiny values is refused before the
 * parser builds them all at once and holds the event loop. Long strings cost next to nothing.
 */
export class JsonGuard {
  #tokens = 0;
  #isInString = false;
  #isEscaped = false;

  /** @throws MailError `invalid-input` past the number of values */
  write(octets: Buffer): void {
    for (let position = 0; position < octets.length; position += 1) {
      if (this.#isInString) position = this.#skipString(octets, position);
      else this.#count(octets[position] ?? 0);
    }
    if (this.#tokens > MAX_TOKENS)
      throw new MailError('invalid-input', `The body holds more than ${MAX_TOKENS} values`);
  }

  #count(octet: number): void {
    if (octet === QUOTE) this.#isInString = true;
    else if (COUNTED.has(octet)) this.#tokens += 1;
  }

  /** @returns the position of the string's last octet in this piece */
  #skipString(octets: Buffer, start: number): number {
    for (let position = start; position < octets.length; position += 1) {
      const octet = octets[position];
      if (this.#isEscaped) this.#isEscaped = false;
      else if (octet === BACKSLASH) this.#isEscaped = true;
      else if (octet === QUOTE) {
        this.#isInString = false;
        return position;
      }
    }
    return octets.length - 1;
  }
}
