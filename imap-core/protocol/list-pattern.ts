import { HIERARCHY_DELIMITER } from './mailbox.ts';

const STAR = 0x2a;
const PERCENT = 0x25;
const DELIMITER = HIERARCHY_DELIMITER.charCodeAt(0);

/**
 * A LIST pattern: `*` matches any text, `%` any text without a hierarchy delimiter (RFC 3501 section 6.3.8).
 * All alternatives are followed at once, so time is at most the product of both lengths, whatever the wildcards.
 */
export class ListPattern {
  readonly #codes: Uint16Array;

  constructor(pattern: string) {
    const short = pattern.replace(/[*%]*\*[*%]*/g, '*').replace(/%+/g, '%');
    // INBOX in any case; the pattern's first level may be literal.
    const canonical = short.replace(/^inbox(?=$|\/|[*%])/i, 'INBOX');
    this.#codes = Uint16Array.from({ length: canonical.length }, (_, index) => canonical.charCodeAt(index));
  }

  matches(path: string): boolean {
    const codes = this.#codes;
    const end = codes.length;
    // States by the pattern's position: what stands before it has been matched.
    let active = new Uint8Array(end + 1);
    let next = new Uint8Array(end + 1);
    let floor = enter(active, codes, 0, 0);
    for (let i = 0; i < path.length; i += 1) {
      const character = path.charCodeAt(i);
      const from = floor;
      let isAlive = false;
      next.fill(0);
      for (let state = from; state < end; state += 1) {
        if (active[state] === 0) continue;
        const expected = codes[state];
        const isWild = expected === STAR || (expected === PERCENT && character !== DELIMITER);
        if (isWild || (expected === character && expected !== PERCENT)) {
          floor = enter(next, codes, isWild ? state : state + 1, floor);
          isAlive = true;
        }
      }
      if (!isAlive) return false;
      [active, next] = [next, active];
    }
    return active[end] === 1;
  }
}

/**
 * A state before a wildcard is also the state behind it: the wildcard may match nothing.
 * @returns the lowest state that matters: whatever a state before `*` could still match, `*` matches too
 */
function enter(states: Uint8Array, codes: Uint16Array, state: number, floor: number): number {
  let at = state;
  let lowest = floor;
  states[at] = 1;
  while (codes[at] === STAR || codes[at] === PERCENT) {
    if (codes[at] === STAR) lowest = Math.max(lowest, at);
    at += 1;
    states[at] = 1;
  }
  return lowest;
}
