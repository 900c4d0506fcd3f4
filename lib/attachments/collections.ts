import type { CollectionLayout } from '../db/index.ts';

/** Hashes and upload ids, random from their first octet on. Chunks lie with their file, as GridFS reads them. */
export const attachmentCollections: readonly CollectionLayout[] = [
  {
    name: 'attachments',
    shardKey: ['_id'],
    keys: { kind: 'octets', length: 32 },
    indexes: [],
    targeted: 'always',
    backup: 'carried',
  },
  {
    name: 'attachmentRefs',
    shardKey: ['_id'],
    keys: { kind: 'octets', length: 60 },
    indexes: [],
    targeted: 'always',
    backup: 'carried',
  },
  {
    name: 'attachmentFiles.files',
    shardKey: ['_id'],
    keys: { kind: 'object-id' },
    indexes: [],
    targeted: 'always',
    backup: 'carried',
  },
  {
    name: 'attachmentFiles.chunks',
    shardKey: ['files_id', 'n'],
    keys: { kind: 'object-id' },
    // The name that every driver's GridFS gives it.
    indexes: [{ name: 'files_id_1_n_1', key: { files_id: 1, n: 1 }, unique: true }],
    targeted: 'always',
    backup: 'carried',
  },
];
