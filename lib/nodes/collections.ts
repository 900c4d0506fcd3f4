import type { CollectionLayout } from '../db/index.ts';

export const nodeCollections: readonly CollectionLayout[] = [
  {
    name: 'nodes',
    shardKey: ['_id'],
    keys: { kind: 'few' },
    indexes: [],
    targeted: 'by-id',
  },
  { name: 'commonSecrets', shardKey: ['_id'], keys: { kind: 'few' }, indexes: [], targeted: 'always' },
];
