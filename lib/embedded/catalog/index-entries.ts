import type { Value } from '../bson/value.ts';
import { encodeKey } from '../keys/encode.ts';
import { extractKeys } from '../keys/extract.ts';
import { matches } from '../query/match.ts';
import type { Index } from './collection.ts';

/** The keys of one document in one index, ready for the store; each leads to the key of the document's `_id`. */
export interface IndexEntries {
  readonly index: Index;
  readonly keys: Map<string, { readonly key: Buffer; readonly values: readonly Value[] }>;
  readonly isMultikey: boolean;
}

/** @throws EngineError 171 where the document cannot be indexed */
export function entriesOf(index: Index, document: Value, id: Value): IndexEntries {
  const keys: IndexEntries['keys'] = new Map();
  if (index.partial !== undefined && !matches(index.partial.filter, document)) {
    return { index, keys, isMultikey: false };
  }
  const extracted = extractKeys(document, index.paths);
  for (const values of extracted.rows) {
    if (index.isSparse && extracted.absent.has(values)) continue;
    const encoded = index.isUnique
      ? encodeKey(values, index.descending)
      : encodeKey([...values, id], [...index.descending, false]);
    const key = Buffer.concat([index.prefix, encoded]);
    keys.set(encoded.toString('latin1'), { key, values });
  }
  return { index, keys, isMultikey: extracted.isMultikey };
}
