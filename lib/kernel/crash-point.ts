/**
 * Places where a test has the process die, as if the machine had taken it there. Between one write and the next is
 * where a store is damaged; a kill by the clock meets such a place once in a thousand, a crash point always.
 */

interface Armed {
  readonly spec: string;
  readonly name: string;
  /** Undefined: whatever is going on there. */
  readonly what: string | undefined;
  /** Passages until the one that kills. */
  left: number;
  readonly kill: () => void;
}

let armed: Armed | undefined;

/**
 * Arms one point of this process; only its entry does so, from the environment.
 * @param spec NAME[/WHAT][:NTH], WHAT one of the words of that point; empty or undefined: none
 * @param kill ends the process at once
 * @throws RangeError where the text is no such thing
 */
export function armCrashPoint(spec: string | undefined, kill: () => void): void {
  armed = undefined;
  if (spec === undefined || spec === '') return;
  const [, name, what, nth = '1'] = /^([a-z.-]+)(?:\/([a-z-]+))?(?::([1-9]\d{0,8}))?$/.exec(spec) ?? [];
  if (name === undefined) throw new RangeError(`${spec} is no crash point: write it as NAME, NAME/WHAT or NAME:NTH`);
  armed = { spec, name, what, left: Number(nth), kill };
}

/** What is armed, for child processes that are to know of it. */
export function armedCrashPoint(): string | undefined {
  return armed?.spec;
}

/**
 * Kills the process here where this point is armed; does nothing otherwise.
 * @param what tells passages of one point apart; asked for only where it matters
 */
export function crashPoint(name: string, what?: () => string): void {
  if (armed?.name !== name) return;
  if (armed.what !== undefined && armed.what !== what?.()) return;
  armed.left -= 1;
  if (armed.left === 0) armed.kill();
}
