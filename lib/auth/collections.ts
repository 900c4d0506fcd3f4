import type { CollectionLayout } from '../db/index.ts';

export const authCollections: readonly CollectionLayout[] = [
  {
    name: 'accessTokens',
    shardKey: ['_id'],
    keys: { kind: 'hexadecimal', length: 64 },
    indexes: [{ name: 'user-createdAt', key: { user: 1, createdAt: -1 } }],
    targeted: 'by-id',
    backup: { leftOut: 'whoever was logged in logs in anew after a restore' },
  },
];
