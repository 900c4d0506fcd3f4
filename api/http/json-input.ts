import { MailError } from '../../lib/kernel/errors.ts';

/** Deeper than anything a client has reason to send. */
const MAX_DEPTH = 50;
/** Keys through which a copied object could come to have another prototype. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * JSON text from a stranger as a plain value.
 * @throws MailError `invalid-input` for what is not JSON, for keys that reach for prototypes, and for nesting
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MailError('invalid-input', 'The body is not valid JSON');
  }
  checkShape(value);
  return value;
}

/** Walks without recursion, for depth is the stranger's choice. */
function checkShape(root: unknown): void {
  const waiting: { readonly value: unknown; readonly depth: number }[] = [{ value: root, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, depth } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= MAX_DEPTH) throw new MailError('invalid-input', `The body is nested deeper than ${MAX_DEPTH} levels`);
    if (Array.isArray(value)) {
      for (const item of value as unknown[]) waiting.push({ value: item, depth: depth + 1 });
      continue;
    }
    for (const [key, item] of Object.entries(value)) {
      if (FORBIDDEN_KEYS.has(key)) throw new MailError('invalid-input', 'The body holds a key that is not allowed');
      waiting.push({ value: item, depth: depth + 1 });
    }
  }
}

/** A JSON object's entries; anything else is refused. */
export function toEntries(value: unknown): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MailError('invalid-input', 'The body is not a JSON object');
  }
  return new Map(Object.entries(value));
}
