import type { CollectionLayout } from '../db/index.ts';

export const accountCollections: readonly CollectionLayout[] = [
  { name: 'users', shardKey: ['_id'], keys: { kind: 'hexadecimal', length: 24 }, indexes: [], targeted: 'by-id' },
  { name: 'usernames', shardKey: ['_id'], keys: { kind: 'names' }, indexes: [], targeted: 'always' },
  { name: 'retiredUsernames', shardKey: ['_id'], keys: { kind: 'names' }, indexes: [], targeted: 'by-id' },
];
