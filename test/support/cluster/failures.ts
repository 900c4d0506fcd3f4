import { BSON, type Document } from 'mongodb';
import type { WireCommand } from './wire.ts';

/** What a member of a replica set says of its own state, with names as MongoDB's list of error codes has them. */
const NAMES = new Map<number, string>([
  [43, 'CursorNotFound'],
  [50, 'MaxTimeMSExpired'],
  [64, 'WriteConcernFailed'],
  [91, 'ShutdownInProgress'],
  [189, 'PrimarySteppedDown'],
  [10107, 'NotWritablePrimary'],
  [11600, 'InterruptedAtShutdown'],
  [11602, 'InterruptedDueToReplStateChange'],
  [13435, 'NotPrimaryNoSecondaryOk'],
  [13436, 'NotPrimaryOrSecondary'],
]);

/** Retryable writes specification, "Determining retryable errors": what servers from 4.4 on label themselves. */
const RETRYABLE = new Set([6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);
const RETRYABLE_CONCERNS = new Set([91, 189, 11600, 11602]);

export interface TopologyVersion {
  readonly processId: BSON.ObjectId;
  readonly counter: BSON.Long;
}

const isRetryable = (command: WireCommand): boolean => 'txnNumber' in command.body;

/** @param hasApplied whether anything of the command was carried out: from 6.1 on servers say where nothing was */
export function failureOf(
  command: WireCommand,
  code: number,
  topologyVersion: TopologyVersion | undefined,
  hasApplied: boolean,
): Document {
  const labels: string[] = [];
  if (isRetryable(command) && RETRYABLE.has(code)) {
    labels.push('RetryableWriteError');
    if (!hasApplied) labels.push('NoWritesPerformed');
  }
  const codeName = NAMES.get(code) ?? `Location${String(code)}`;
  return {
    ok: 0,
    errmsg: `${codeName}, says the façade`,
    code,
    codeName,
    ...(labels.length === 0 ? {} : { errorLabels: labels }),
    ...(topologyVersion === undefined ? {} : { topologyVersion }),
  };
}

/** A reply of a write that was carried out, though whether a majority has it is not known. */
export function withConcernError(command: WireCommand, reply: Document, code: number): Document {
  const isLabelled = isRetryable(command) && RETRYABLE_CONCERNS.has(code);
  return {
    ...reply,
    writeConcernError: {
      code: new BSON.Int32(code),
      codeName: NAMES.get(code) ?? '',
      errmsg: code === 64 ? 'waiting for replication timed out' : 'operation was interrupted',
      ...(code === 64 ? { errInfo: { wtimeout: true } } : {}),
    },
    ...(isLabelled ? { errorLabels: ['RetryableWriteError'] } : {}),
  };
}
