import { inputError } from './input-error.ts';

/** More than any operation takes. */
const MAX_PARAMETERS = 200;
/** Taken from the path, the query or the header, never from the body: what names the asker, not the question. */
const TOKEN_PARAMETER = 'accessToken';

/** A query or a form as entries; a key that comes several times has an array of its values. */
export function toFormEntries(text: string): ReadonlyMap<string, unknown> {
  const entries = new Map<string, string | string[]>();
  if (countParameters(text) > MAX_PARAMETERS) throw inputError('query', `holds more than ${MAX_PARAMETERS} parameters`);
  for (const [key, value] of new URLSearchParams(text)) {
    const name = key.endsWith('[]') ? key.slice(0, -2) : key;
    const before = entries.get(name);
    if (before === undefined) entries.set(name, value);
    else if (typeof before === 'string') entries.set(name, [before, value]);
    else before.push(value);
  }
  return entries;
}

/** Before any is decoded; stops counting where there are too many. */
function countParameters(text: string): number {
  let count = text === '' ? 0 : 1;
  for (let at = text.indexOf('&'); at !== -1 && count <= MAX_PARAMETERS; at = text.indexOf('&', at + 1)) {
    if (at + 1 < text.length) count += 1;
  }
  return count;
}

export interface ParameterSources {
  readonly path: ReadonlyMap<string, unknown>;
  readonly query: ReadonlyMap<string, unknown>;
  readonly body: ReadonlyMap<string, unknown>;
}

/**
 * One set of parameters from path, query and body: the path beats the query, the query beats the body, and an
 * empty text is as good as not given.
 * @param takesEmpty parameters for which an empty text is a value
 */
export function mergeParameters(
  { path, query, body }: ParameterSources,
  takesEmpty: readonly string[] = [],
): Map<string, unknown> {
  const merged = new Map<string, unknown>();
  for (const source of [body, query, path]) {
    for (const [key, value] of source) {
      if (value !== undefined && (value !== '' || takesEmpty.includes(key))) merged.set(key, value);
    }
  }
  merged.delete(TOKEN_PARAMETER);
  return merged;
}
