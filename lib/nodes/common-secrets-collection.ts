import type { Collection } from 'mongodb';
import { insertIfAbsent, orTemporary, type Database } from '../db/index.ts';

/** What all nodes must agree on and nobody else may know. */
export interface CommonSecretRow {
  readonly _id: string;
  readonly v: 1;
  /** SHA-256, hexadecimal: the secret itself is nowhere. */
  readonly hash: string;
  readonly createdAt: number;
}

export interface CommonSecretsCollection {
  find(id: string): Promise<CommonSecretRow | undefined>;
  /** @returns false where there is one */
  insert(row: CommonSecretRow): Promise<boolean>;
  replace(row: CommonSecretRow): Promise<void>;
}

export function openCommonSecretsCollection(database: Database): CommonSecretsCollection {
  const rows: Collection<CommonSecretRow> = database.collection<CommonSecretRow>('commonSecrets');
  return {
    find: (id) => orTemporary(async () => (await rows.findOne({ _id: id })) ?? undefined),
    insert: (row) => insertIfAbsent(rows, row),
    replace: ({ _id, ...rest }) =>
      orTemporary(async () => {
        await rows.updateOne({ _id }, { $set: rest }, { upsert: true });
      }),
  };
}
