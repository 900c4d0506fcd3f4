import { BsonType } from '../bson/types.ts';
import { bigOf } from '../bson/value.ts';
import { DocumentWriter } from '../bson/write.ts';
import type { Command } from './context.ts';
import { checkOptions } from './request.ts';

export const killCursorsCommand: Command = {
  writes: false,
  run: (context, request) => {
    checkOptions(request, ['cursors']);
    const ids = (request.options.array('cursors') ?? []).filter(({ type }) => type === BsonType.long).map(bigOf);
    const killed = ids.filter((id) => context.cursors.remove(id));
    const gone = ids.filter((id) => !killed.includes(id));
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
