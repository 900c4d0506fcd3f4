import type { CollectionLayout } from '../db/index.ts';

export const messageCollections: readonly CollectionLayout[] = [
  // account || messageId
  {
    name: 'messages',
    shardKey: ['_id'],
    keys: { kind: 'octets', length: 28 },
    indexes: [],
    targeted: 'always',
    backup: 'carried',
  },
  // account || mailbox || block
  {
    name: 'digestPacks',
    shardKey: ['_id'],
    keys: { kind: 'octets', length: 28 },
    indexes: [],
    targeted: 'always',
    backup: { leftOut: 'derived from messages, made again by folds' },
  },
];
