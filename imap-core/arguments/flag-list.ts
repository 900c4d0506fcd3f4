import { type FlagSet, systemFlagOf } from '../protocol/flags.ts';
import type { Decoder } from '../wire/decoder.ts';
import { RefusedArgument, SyntaxFault } from '../wire/faults.ts';

const MAX_KEYWORD_OCTETS = 64;

class FlagCollector {
  #system = 0;
  readonly #keywords = new Map<string, string>();

  read(decoder: Decoder): void {
    if (decoder.take('\\')) {
      const bit = systemFlagOf(`\\${decoder.atom()}`);
      // \Recent and extensions we do not know cannot be set (RFC 3501 section 2.3.2).
      if (bit === undefined) throw new SyntaxFault('Unknown system flag');
      this.#system |= bit;
      return;
    }
    const keyword = decoder.atom();
    if (keyword.length > MAX_KEYWORD_OCTETS) throw new RefusedArgument('LIMIT', 'Keyword too long');
    const key = keyword.toLowerCase();
    if (!this.#keywords.has(key)) this.#keywords.set(key, keyword);
  }

  get flags(): FlagSet {
    return { system: this.#system, keywords: [...this.#keywords.values()] };
  }
}

/** flag-list: in parentheses, may be empty. */
export function readFlagList(decoder: Decoder): FlagSet {
  const collector = new FlagCollector();
  decoder.list(() => collector.read(decoder));
  return collector.flags;
}

/** STORE's list: with parentheses, or flags separated by spaces (store-att-flags). */
export function readStoreFlags(decoder: Decoder): FlagSet {
  if (decoder.peek() === '(') return readFlagList(decoder);
  const collector = new FlagCollector();
  do collector.read(decoder);
  while (decoder.take(' '));
  return collector.flags;
}
