import type { Section } from '../kernel/section.ts';

/** One name, three spellings: `maxRecipients` in the code, `max-recipients` in files, `EIDER_LMTP_MAX_RECIPIENTS`. */

/** As files spell it. */
export function fileName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export function variableName(section: string, key: string): string {
  return `EIDER_${[section, fileName(key)].join('_').replaceAll('-', '_').toUpperCase()}`;
}

/** `section.key` as files spell it; how a setting is called in messages and by `--set`. */
export function fullName(section: Section, key: string): string {
  return `${section.name}.${fileName(key)}`;
}

/** The candidate that the name was probably meant to be, or undefined where none is near. */
export function closestName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(name);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, plain(candidate), bestDistance);
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** Case and separators are not what makes a name another one; names past this length are nobody's slip. */
function plain(name: string): string {
  return name.slice(0, 100).toLowerCase().replace(/[-_]/g, '');
}

/** Insertions, removals, replacements and swaps of neighbours (optimal string alignment); `limit` where it is more. */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      let distance = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
      );
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        distance = Math.min(distance, at(beforeLast, column - 2) + 1);
      }
      current.push(distance);
    }
    beforeLast = last;
    last = current;
  }
  return Math.min(at(last, to.length), limit);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
