import { DocumentWriter } from '../bson/write.ts';
import type { ReadCommand } from './context.ts';
import { checkOptions } from './request.ts';

/** What the engine claims to be able to do; 25 and later would make drivers use commands that it does not know. */
const MAX_WIRE_VERSION = 21;
const VERSION = [7, 0, 0, 0];
export const MAX_MESSAGE_OCTETS = 48_000_000;

/**
 * Says that here is a mongos: drivers then use sessions and retryable writes as with a sharded cluster. No
 * `topologyVersion`, which would make them poll, and no compression.
 */
export const helloCommand: ReadCommand = {
  writes: false,
  run: (context, request) =>
    new DocumentWriter()
      .bool('helloOk', true)
      .bool('ismaster', true)
      .bool('isWritablePrimary', true)
      .string('msg', 'isdbgrid')
      .int('maxBsonObjectSize', 16 * 1024 * 1024)
      .int('maxMessageSizeBytes', MAX_MESSAGE_OCTETS)
      .int('maxWriteBatchSize', 100_000)
      .date('localTime', context.clock.now())
      .int('logicalSessionTimeoutMinutes', 30)
      .int('connectionId', request.connectionId)
      .int('minWireVersion', 0)
      .int('maxWireVersion', MAX_WIRE_VERSION)
      .bool('readOnly', false)
      .double('ok', 1)
      .finish(),
};

export const buildInfoCommand: ReadCommand = {
  writes: false,
  run: (_context, request) => {
    checkOptions(request, []);
    const writer = new DocumentWriter().string('version', VERSION.join('.')).openArray('versionArray');
    VERSION.forEach((part, at) => writer.int(String(at), part));
    writer.close().openArray('modules').string('0', 'eider-embedded').close();
    return writer
      .int('maxBsonObjectSize', 16 * 1024 * 1024)
      .double('ok', 1)
      .finish();
  },
};

const OK = new DocumentWriter(16).double('ok', 1).finish();

export const pingCommand: ReadCommand = {
  writes: false,
  run: (_context, request) => {
    checkOptions(request, []);
    return OK;
  },
};
