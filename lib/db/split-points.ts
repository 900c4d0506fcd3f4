import { Binary, MinKey, ObjectId, type Document } from 'mongodb';
import type { CollectionLayout } from './collection-layout.ts';

const MOST_PIECES = 0x10000;

/** Where a new collection is split into so many even pieces; none where its keys are not random. */
export function splitPoints({ shardKey, keys }: CollectionLayout, pieces: number): Document[] {
  if (keys.kind === 'names' || keys.kind === 'few') return [];
  const wanted = Math.min(pieces, MOST_PIECES);
  const [first, ...rest] = shardKey;
  return Array.from({ length: Math.max(0, wanted - 1) }, (_, at) => {
    const begin = Buffer.alloc(2);
    begin.writeUInt16BE(Math.floor(((at + 1) * MOST_PIECES) / wanted));
    return { [first]: pointOf(keys, begin), ...Object.fromEntries(rest.map((field) => [field, new MinKey()])) };
  });
}

function pointOf(keys: Exclude<CollectionLayout['keys'], { kind: 'names' | 'few' }>, begin: Buffer): unknown {
  if (keys.kind === 'hexadecimal') return begin.toString('hex').padEnd(keys.length, '0');
  const octets = Buffer.alloc(keys.kind === 'octets' ? keys.length : 12);
  begin.copy(octets);
  return keys.kind === 'octets' ? new Binary(octets) : new ObjectId(octets);
}
