import type { Collection } from 'mongodb';
import { orTemporary, type Database } from '../db/index.ts';

/** One process as it last told of itself. */
export interface NodeRow {
  /** 24 random hexadecimal digits, made at its start. */
  readonly _id: string;
  readonly v: 1;
  readonly host: string;
  readonly pid: number;
  readonly roles: readonly string[];
  readonly version: string;
  readonly startedAt: number;
  readonly seenAt: number;
  readonly leaseUntil: number;
  readonly isDraining: boolean;
  /** By protocol, as pairs: names of fields are ours alone. */
  readonly connections: readonly { readonly protocol: string; readonly count: number }[];
  readonly commandsPerSecond: number;
  readonly loopDelayMs: number;
  readonly memoryOctets: number;
}

export interface NodesCollection {
  put(row: NodeRow): Promise<void>;
  list(limit: number): Promise<NodeRow[]>;
  remove(id: string): Promise<void>;
  removeEndedBefore(time: number): Promise<void>;
}

export function openNodesCollection(database: Database): NodesCollection {
  const rows: Collection<NodeRow> = database.collection<NodeRow>('nodes');
  return {
    put: (row) =>
      orTemporary(async () => {
        const { _id, ...rest } = row;
        await rows.updateOne({ _id }, { $set: rest }, { upsert: true });
      }),
    list: (limit) => orTemporary(() => rows.find({}).sort({ _id: 1 }).limit(limit).toArray()),
    remove: (id) =>
      orTemporary(async () => {
        await rows.deleteOne({ _id: id });
      }),
    removeEndedBefore: (time) =>
      orTemporary(async () => {
        await rows.deleteMany({ leaseUntil: { $lt: time } });
      }),
  };
}
