import { HIERARCHY_DELIMITER } from './mailbox.ts';

/**
 * A LIST pattern: `*` matches any text, `%` any text without a hierarchy delimiter (RFC 3501 section 6.3.8).
 * All alternatives are followed at once, so time is at most the product of both lengths, whatever the wildcards.
 */
export class ListPattern {
  readonly #pattern: string;

  constructor(pattern: string) {
    const short = pattern.replace(/[*%]*\*[*%]*/g, '*').replace(/%+/g, '%');
    // INBOX in any case; the pattern's first level may be literal.
    this.#pattern = short.replace(/^inbox(?=$|\/|[*%])/i, 'INBOX');
  }

  matches(path: string): boolean {
    const pattern = this.#pattern;
    let active = new Set<number>();
    addState(active, pattern, 0);
    for (let i = 0; i < path.length && active.size > 0; i += 1) {
      const character = path.charAt(i);
      const next = new Set<number>();
      for (const state of active) {
        const expected = pattern.charAt(state);
        if (expected === '*' || (expected === '%' && character !== HIERARCHY_DELIMITER)) {
          addState(next, pattern, state);
        } else if (expected === character && expected !== '%') {
          addState(next, pattern, state + 1);
        }
      }
      active = next;
    }
    return active.has(pattern.length);
  }
}

/** A state before a wildcard is also the state after it: the wildcard may match nothing. */
function addState(states: Set<number>, pattern: string, state: number): void {
  let at = state;
  states.add(at);
  while (pattern.charAt(at) === '*' || pattern.charAt(at) === '%') {
    at += 1;
    states.add(at);
  }
}
