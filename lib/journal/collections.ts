import type { CollectionLayout } from '../db/index.ts';

/** Keys begin with the account, whose octets are random: an account's rows lie together, accounts spread. */
export const journalCollections: readonly CollectionLayout[] = [
  {
    name: 'journal',
    shardKey: ['_id'],
    keys: { kind: 'octets', length: 18 },
    indexes: [],
    targeted: 'always',
    backup: 'carried',
  },
  {
    name: 'checkpoints',
    shardKey: ['_id'],
    keys: { kind: 'octets', length: 13 },
    indexes: [],
    targeted: 'always',
    backup: 'carried',
  },
  {
    name: 'segments',
    shardKey: ['_id'],
    keys: { kind: 'octets', length: 36 },
    indexes: [],
    targeted: 'always',
    backup: 'carried',
  },
];
