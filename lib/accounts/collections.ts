import type { CollectionLayout } from '../db/index.ts';

export const accountCollections: readonly CollectionLayout[] = [
  {
    name: 'users',
    shardKey: ['_id'],
    keys: { kind: 'hexadecimal', length: 24 },
    indexes: [],
    targeted: 'by-id',
    backup: 'carried',
  },
  { name: 'usernames', shardKey: ['_id'], keys: { kind: 'names' }, indexes: [], targeted: 'always', backup: 'carried' },
  {
    name: 'retiredUsernames',
    shardKey: ['_id'],
    keys: { kind: 'names' },
    indexes: [],
    targeted: 'by-id',
    backup: 'carried',
  },
];
