import type { CollectionLayout } from '../db/index.ts';

export const addressCollections: readonly CollectionLayout[] = [
  {
    name: 'addresses',
    shardKey: ['_id'],
    keys: { kind: 'names' },
    indexes: [
      { name: 'user', key: { user: 1 } },
      { name: 'id', key: { id: 1 } },
    ],
    targeted: 'by-id',
    backup: 'carried',
  },
];
