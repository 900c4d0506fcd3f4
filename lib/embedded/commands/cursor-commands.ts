import { BsonType } from '../bson/types.ts';
import { bigOf } from '../bson/value.ts';
import { DocumentWriter } from '../bson/write.ts';
import type { ReadCommand } from './context.ts';
import { checkOptions, sessionIdIn, type Request } from './request.ts';

const OK = new DocumentWriter(16).double('ok', 1).finish();

export const killCursorsCommand: ReadCommand = {
  writes: false,
  run: (context, request) => {
    checkOptions(request, ['cursors']);
    const ids = (request.options.array('cursors') ?? []).filter(({ type }) => type === BsonType.long).map(bigOf);
    const killed: bigint[] = [];
    const gone: bigint[] = [];
    for (const id of ids) (context.cursors.remove(id) ? killed : gone).push(id);
    const writer = new DocumentWriter();
    const list = (name: string, members: readonly bigint[]): void => {
      writer.openArray(name);
      members.forEach((id, at) => writer.long(String(at), id));
      writer.close();
    };
    list('cursorsKilled', killed);
    list('cursorsNotFound', gone);
    list('cursorsAlive', []);
    list('cursorsUnknown', []);
    return writer.double('ok', 1).finish();
  },
};

function sessionsIn(request: Request): ReadonlySet<string> {
  const ids = (request.options.array(request.command) ?? []).map(sessionIdIn);
  return new Set(ids.filter((id) => id !== undefined));
}

/** Besides cursors, sessions hold only the results of retryable writes, which time out by themselves. */
export const endSessionsCommand: ReadCommand = {
  writes: false,
  run: (context, request) => {
    context.cursors.endSessions(sessionsIn(request));
    return OK;
  },
};

/** Keeps the cursors of sessions that are in use for another half an hour. */
export const refreshSessionsCommand: ReadCommand = {
  writes: false,
  run: (context, request) => {
    context.cursors.refresh(sessionsIn(request));
    return OK;
  },
};
