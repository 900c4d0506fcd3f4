import type { CollectionLayout } from '../db/index.ts';

export const jobCollections: readonly CollectionLayout[] = [
  {
    name: 'jobs',
    shardKey: ['_id'],
    keys: { kind: 'few' },
    indexes: [],
    targeted: 'by-id',
    backup: { leftOut: 'leases of work under way; whoever starts takes them anew' },
  },
];
