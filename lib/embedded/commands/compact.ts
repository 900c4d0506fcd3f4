import { DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import type { TaskCommand } from './context.ts';
import { checkOptions } from './request.ts';
import { withUpkeep } from './upkeep-error.ts';

/**
 * Gives the space of deleted documents back to the file system while everybody is served. Collections share one file,
 * so that it makes no difference which one is named.
 */
export const compactCommand: TaskCommand = {
  writes: false,
  task: async (context, request) => {
    checkOptions(request, ['force']);
    const name = request.options.requiredText('compact');
    if (context.catalog.find(request.database, name) === undefined) {
      throw new EngineError(26, `Collection ${request.database}.${name} not found`);
    }
    const { octetsFreed, octetsMoved } = await withUpkeep(context, (upkeep) => upkeep.compact());
    return new DocumentWriter()
      .long('bytesFreed', BigInt(octetsFreed))
      .long('bytesMoved', BigInt(octetsMoved))
      .double('ok', 1)
      .finish();
  },
};
