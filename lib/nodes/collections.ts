import type { CollectionLayout } from '../db/index.ts';

export const nodeCollections: readonly CollectionLayout[] = [
  {
    name: 'nodes',
    shardKey: ['_id'],
    keys: { kind: 'hexadecimal', length: 24 },
    indexes: [],
    targeted: 'by-id',
  },
  { name: 'commonSecrets', shardKey: ['_id'], keys: { kind: 'names' }, indexes: [], targeted: 'always' },
];
