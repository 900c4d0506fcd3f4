import { MailError } from '../kernel/errors.ts';
import { SystemFlag, type FlagSet } from './journal.ts';

const MAX_KEYWORD_OCTETS = 64;
/** The end for everybody, so that a mailbox's header stays small. */
export const MAX_TABLE = 1000;

const SYSTEM_FLAGS = SystemFlag.seen | SystemFlag.answered | SystemFlag.flagged | SystemFlag.deleted | SystemFlag.draft;
// RFC 3501 section 9: flag-keyword is an atom.
const ATOM = /^[\u0021\u0023\u0024\u0026\u0027\u002b-\u005b\u005e-\u007a\u007c\u007d\u007e]+$/;

/** A mailbox's keywords as first spelled, in order of first use; the position is what columns keep. Immutable. */
export class KeywordTable {
  static readonly empty = new KeywordTable([]);
  readonly names: readonly string[];
  readonly #positions: ReadonlyMap<string, number>;
  readonly #lists = new Map<number, readonly string[]>();

  constructor(names: readonly string[]) {
    this.names = names;
    this.#positions = new Map(names.map((name, position) => [name.toLowerCase(), position]));
  }

  position(name: string): number | undefined {
    return this.#positions.get(name.toLowerCase());
  }

  /** This table, or a longer one where some of the names are new. */
  with(names: readonly string[]): KeywordTable {
    const fresh = new Map<string, string>();
    for (const name of names) {
      const lower = name.toLowerCase();
      if (!this.#positions.has(lower) && !fresh.has(lower)) fresh.set(lower, name);
    }
    return fresh.size === 0 ? this : new KeywordTable([...this.names, ...fresh.values()]);
  }

  /** The names of the bits (position 0 is bit 0); lists are shared, for few combinations occur. */
  namesOf(bits: number): readonly string[] {
    const known = this.#lists.get(bits);
    if (known !== undefined) return known;
    const list = this.names.filter((_, position) => position < 24 && ((bits >>> position) & 1) === 1);
    if (this.#lists.size < 1000) this.#lists.set(bits, list);
    return list;
  }
}

/** @throws MailError `limit` for a long keyword, `invalid-input` for one that is no atom */
function checkKeywords(keywords: readonly string[]): void {
  for (const keyword of keywords) {
    if (keyword.length > MAX_KEYWORD_OCTETS)
      throw new MailError('limit', `A keyword has at most ${MAX_KEYWORD_OCTETS} octets`);
    if (!ATOM.test(keyword)) throw new MailError('invalid-input', 'A keyword has letters, digits and few signs only');
  }
}

/** @throws MailError `invalid-input` where bits are set that are no system flag */
export function checkFlagSet(flags: FlagSet): void {
  if ((flags.system & ~SYSTEM_FLAGS) !== 0) throw new MailError('invalid-input', 'Unknown system flag');
  checkKeywords(flags.keywords);
}

/** @throws MailError `limit` where the table grew past `most` */
export function checkTable(before: KeywordTable, after: KeywordTable, most: number): void {
  if (after !== before && after.names.length > most) {
    throw new MailError(
      'limit',
      `The mailbox has ${before.names.length} keywords already, at most ${most} are possible`,
    );
  }
}
