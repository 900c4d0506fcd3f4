import type { Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { openCommonSecretsCollection } from './common-secrets-collection.ts';

/** The hash of the token that opens the API for administration on every node. */
export interface AdminTokenHash {
  /** Hexadecimal SHA-256; undefined before the first start. */
  read(): Promise<string | undefined>;
  /** Keeps the hash unless there is one. @returns the one that is kept */
  keep(hash: string): Promise<string>;
  /** From then on another token counts, on each node at once or within a minute. */
  replace(hash: string): Promise<void>;
}

const ID = 'admin-token';

export function openAdminTokenHash(database: Database, clock: Clock): AdminTokenHash {
  const rows = openCommonSecretsCollection(database);
  const read = async (): Promise<string | undefined> => (await rows.find(ID))?.hash;
  return {
    read,
    keep: async (hash) => {
      if (await rows.insert({ _id: ID, v: 1, hash, createdAt: clock.now() })) return hash;
      return (await read()) ?? hash;
    },
    replace: (hash) => rows.replace({ _id: ID, v: 1, hash, createdAt: clock.now() }),
  };
}
