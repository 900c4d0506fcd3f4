import type { CollectionLayout } from '../db/index.ts';

export const jobCollections: readonly CollectionLayout[] = [
  { name: 'jobs', shardKey: ['_id'], keys: { kind: 'names' }, indexes: [], targeted: 'by-id' },
];
