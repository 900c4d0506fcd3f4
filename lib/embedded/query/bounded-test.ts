import { createContext, Script } from 'node:vm';
import { systemClock } from '../../kernel/clock.ts';
import { EngineError } from '../errors/failure.ts';

/** How long an expression may take with one text, in milliseconds. */
const LONGEST_MS = 10;
/** A test that takes this long is slow; all of them together may take so much within a time. */
const SLOW_MS = 2;
const MOST_SLOW_MS = 50;
const SLOW_WITHIN_MS = 500;
/** So many steps are done in far less than that. */
const FEW_STEPS = 1_000_000;
/** With texts up to this length even repetitions of repetitions come to few steps. */
const SHORT_TEXT = 14;

/**
 * The test of an expression that cannot hold the thread for long. Backtracking takes steps in powers of the text's
 * length, or in powers of two where repetitions stand in one another: where that may come to many, a watchdog ends it.
 *
 * @param pattern as it was given, before it was translated
 */
export function boundedTest(expression: RegExp, pattern: string): (text: string) => boolean {
  const { quantifiers, isNested } = weigh(pattern);
  if (quantifiers === 0) return (text) => expression.test(text);
  const longest = Math.floor(FEW_STEPS ** (1 / (quantifiers + 1)));
  const harmless = isNested ? Math.min(longest, SHORT_TEXT) : longest;
  return (text) => (text.length <= harmless ? expression.test(text) : watchedTest(expression, text));
}

/** How many repetitions an expression has, and whether one is of a group. */
function weigh(pattern: string): { quantifiers: number; isNested: boolean } {
  let quantifiers = 0;
  let isNested = false;
  let isInClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (character === '\\') at += 1;
    else if (isInClass) isInClass = character !== ']';
    else if (character === '[') isInClass = true;
    else if ('*+?{'.includes(character) && pattern.charAt(at - 1) !== '(') {
      quantifiers += 1;
      isNested ||= pattern.charAt(at - 1) === ')';
    }
  }
  return { quantifiers, isNested };
}

const globals = createContext({ expression: undefined, text: '' }) as { expression: RegExp | undefined; text: string };
const script = new Script('expression.test(text)');
/** Time that slow tests took lately: lists of expressions may each take nearly as long as one may. */
const slow = { since: 0, ms: 0 };

function refuse(): never {
  throw new EngineError(51156, 'Error occurred while executing regular expression: it takes too long');
}

/** Starting a watchdog takes as long as hundreds of plain tests. @throws EngineError 51156 */
function watchedTest(expression: RegExp, text: string): boolean {
  const now = systemClock.monotonic();
  if (now - slow.since > SLOW_WITHIN_MS) Object.assign(slow, { since: now, ms: 0 });
  if (slow.ms > MOST_SLOW_MS) refuse();
  const startedAt = processorMs();
  globals.expression = expression;
  globals.text = text;
  try {
    for (let timeout = LONGEST_MS; ; timeout *= 2) {
      const isFound = runWatched(timeout);
      if (isFound !== undefined) return isFound;
      // The watchdog looks at the clock, which goes on while a busy machine does not let this thread run: once more.
      if (processorMs() - startedAt >= LONGEST_MS / 2) refuse();
    }
  } finally {
    globals.text = '';
    const took = processorMs() - startedAt;
    if (took > SLOW_MS) slow.ms += took;
  }
}

/** @returns undefined where the time was over first */
function runWatched(timeout: number): boolean | undefined {
  try {
    return script.runInContext(globals, { timeout }) as boolean;
  } catch (error) {
    // An error of the other context is none of this one's.
    if ((error as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  }
}

/** What this thread has had of the processor, in milliseconds. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
