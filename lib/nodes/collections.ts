import type { CollectionLayout } from '../db/index.ts';

export const nodeCollections: readonly CollectionLayout[] = [
  {
    name: 'nodes',
    shardKey: ['_id'],
    keys: { kind: 'few' },
    indexes: [],
    targeted: 'by-id',
    backup: { leftOut: 'processes that are there now' },
  },
  {
    name: 'commonSecrets',
    shardKey: ['_id'],
    keys: { kind: 'few' },
    indexes: [],
    targeted: 'always',
    backup: { leftOut: "the admin token's hash belongs to the installation, and is drawn anew" },
  },
];
