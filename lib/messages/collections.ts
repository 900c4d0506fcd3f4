import type { CollectionLayout } from '../db/index.ts';

/** account || messageId */
export const messageCollections: readonly CollectionLayout[] = [
  { name: 'messages', shardKey: ['_id'], keys: { kind: 'octets', length: 28 }, indexes: [], targeted: 'always' },
];
