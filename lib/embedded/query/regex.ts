import { EngineError } from '../errors/failure.ts';
import { boundedTest } from './bounded-test.ts';

export interface CompiledRegex {
  /** @throws EngineError 51156 where the expression takes too long with this text */
  readonly test: (text: string) => boolean;
  /** Text that every match begins with, where the expression is anchored and says so; empty where it is not known. */
  readonly prefix: string;
  /** True where matching is nothing but beginning with the prefix. */
  readonly isPrefixOnly: boolean;
}

const FLAGS = new Set(['i', 'm', 's', 'u']);

function refuse(why: string): never {
  throw new EngineError(51091, `Regular expression is invalid or not supported by the embedded engine: ${why}`);
}

/**
 * A regular expression of MongoDB (PCRE) as one of JavaScript. What the two read differently is translated where that
 * is exact and refused otherwise.
 *
 * @throws EngineError 51091
 */
export function compileRegex(pattern: string, flags: string): CompiledRegex {
  for (const flag of flags) if (!FLAGS.has(flag)) refuse(`option ${flag}`);
  if (pattern.length > 32764) refuse('the pattern is too long');
  const isMultiline = flags.includes('m');
  const source = translate(pattern, isMultiline, flags.includes('s'));
  let expression: RegExp;
  try {
    expression = new RegExp(source, flags.includes('i') ? 'iu' : 'u');
  } catch (error) {
    refuse(error instanceof Error ? error.message : 'syntax');
  }
  const prefix = isMultiline || flags.includes('i') ? '' : literalPrefix(pattern);
  return { test: boundedTest(expression, pattern), prefix, isPrefixOnly: prefix !== '' && pattern === `^${prefix}` };
}

/** `.`, `^`, `$` and `\s` as PCRE reads them; everything that only looks alike is refused. */
function translate(pattern: string, isMultiline: boolean, isDotAll: boolean): string {
  let out = '';
  let inClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern.charAt(i);
    if (character === '\\') {
      out += translateEscape(pattern.charAt(i + 1), inClass);
      i += 1;
    } else if (inClass) {
      if (character === '[' && /[:.=]/.test(pattern.charAt(i + 1))) refuse('POSIX character class');
      if (character === ']') inClass = false;
      out += character === '[' ? '\\[' : character;
    } else if (character === '[') {
      if (/^\[\^?\]/.test(pattern.slice(i, i + 3))) refuse('] at the beginning of a class');
      inClass = true;
      out += character;
    } else if (character === '.') out += isDotAll ? '[^]' : '[^\\n]';
    else if (character === '^') out += isMultiline ? '(?:(?<![^])|(?<=\\n)(?=[^]))' : '(?<![^])';
    else if (character === '$') out += isMultiline ? '(?=\\n|(?![^]))' : '(?=\\n?(?![^]))';
    else out += character;
  }
  return out;
}

function translateEscape(next: string, inClass: boolean): string {
  if (next === '') refuse('a backslash at the end');
  if (next === 's') return inClass ? ' \\t\\n\\v\\f\\r' : '[ \\t\\n\\v\\f\\r]';
  if (next === 'S') return inClass ? refuse('\\S in a class') : '[^ \\t\\n\\v\\f\\r]';
  // Vertical space, code units and numbered references mean different things there and here.
  if (/[vuk0-9]/.test(next)) refuse(`\\${next}`);
  if (/[dDwWbBtnrfcxpP]/.test(next)) return `\\${next}`;
  if (/[A-Za-z]/.test(next)) refuse(`\\${next}`);
  // Punctuation stands for itself; where JavaScript would not have it escaped, it is not.
  return /[\^$\\.*+?()[\]{}|/-]/.test(next) ? (next === '-' && !inClass ? '-' : `\\${next}`) : next;
}

/** The characters behind `^` up to the first that is not plain text. */
function literalPrefix(pattern: string): string {
  if (!pattern.startsWith('^')) return '';
  const match = /^[^\\^$.|?*+()[\]{}]*/.exec(pattern.slice(1));
  const plain = match?.[0] ?? '';
  if (pattern.includes('|')) return '';
  // A quantifier makes its last character optional.
  const next = pattern.charAt(1 + plain.length);
  return /[?*{]/.test(next) ? Array.from(plain).slice(0, -1).join('') : plain;
}
