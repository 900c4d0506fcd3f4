import { BSON, MongoClient, type Document } from 'mongodb';
import { attachEmbedded, type AttachOptions } from './attach.ts';

/** What a check of everything counted and found. */
export interface CheckedEngine {
  readonly collections: number;
  readonly documents: number;
  readonly indexEntries: number;
  readonly heapRows: number;
  readonly damages: number;
  /** The first thousand of them, in words. */
  readonly found: readonly string[];
}

/** Upkeep of a data directory's engine. */
export interface EngineUpkeep {
  /** Copies one state of the whole file. @param path absolute, with nothing there. @returns octets of the copy */
  backup(path: string): Promise<number>;
  /** Gives the space of deleted documents back. @returns octets by which the file is shorter */
  compact(): Promise<number>;
  check(): Promise<CheckedEngine>;
  close(): Promise<void>;
}

/**
 * Upkeep through the engine that runs, or one that is started for it and ends afterwards.
 * @throws Error where no engine can be reached
 */
export async function attachUpkeep(options: AttachOptions): Promise<EngineUpkeep> {
  const engine = await attachEmbedded(options);
  const client = new MongoClient(engine.uri, { maxPoolSize: 1, serverSelectionTimeoutMS: 5000 });
  const run = async (command: Document): Promise<Document> => client.db('admin').command(command);
  return {
    backup: async (path) => numberOf((await run({ eiderBackup: 1, path }))['octets']),
    compact: async () => numberOf((await run({ eiderCompact: 1 }))['bytesFreed']),
    check: async () => {
      const reply = await run({ eiderCheck: 1 });
      const found: unknown = reply['found'];
      return {
        collections: numberOf(reply['collections']),
        documents: numberOf(reply['documents']),
        indexEntries: numberOf(reply['indexEntries']),
        heapRows: numberOf(reply['heapRows']),
        damages: numberOf(reply['damages']),
        found: Array.isArray(found) ? found.map(String) : [],
      };
    },
    close: async () => {
      await client.close();
      await engine.close();
    },
  };
}

function numberOf(value: unknown): number {
  return BSON.Long.isLong(value) ? value.toNumber() : Number(value);
}
