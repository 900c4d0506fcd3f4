import { DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import type { Context, TaskCommand } from './context.ts';
import { checkOptions, type Request } from './request.ts';
import { withUpkeep } from './upkeep-error.ts';

/**
 * `{ compact: collection }` and `{ eiderCompact: 1 }`: give the space of deleted documents back to the file system while everybody is served. Collections share one file,
 * so that it makes no difference which one is named, or whether one is.
 */
export const compactCommand: TaskCommand = {
  writes: false,
  task: async (context, request) => {
    checkOptions(request, ['force']);
    if (request.command === 'compact') requireCollection(context, request);
    const { octetsFreed, octetsMoved } = await withUpkeep(context, (upkeep) => upkeep.compact());
    return new DocumentWriter()
      .long('bytesFreed', BigInt(octetsFreed))
      .long('bytesMoved', BigInt(octetsMoved))
      .double('ok', 1)
      .finish();
  },
};

function requireCollection(context: Context, request: Request): void {
  const name = request.options.requiredText('compact');
  if (context.catalog.find(request.database, name) !== undefined) return;
  throw new EngineError(26, `Collection ${request.database}.${name} not found`);
}
