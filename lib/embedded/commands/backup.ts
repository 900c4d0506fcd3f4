import { isAbsolute, normalize } from 'node:path';
import { DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import type { TaskCommand } from './context.ts';
import { checkOptions } from './request.ts';
import { withUpkeep } from './upkeep-error.ts';

/**
 * `{ eiderBackup: 1, path }`: copies one state of the engine's whole file to an absolute path at which nothing is, while
 * reads and writes go on. The copy is a file that an engine can be started on.
 */
export const backupCommand: TaskCommand = {
  writes: false,
  task: async (context, request) => {
    checkOptions(request, ['path']);
    const path = request.options.requiredText('path');
    const isPlain = isAbsolute(path) && normalize(path) === path && !path.endsWith('/') && !path.includes('\0');
    if (!isPlain) throw new EngineError(2, `'${path}' is no absolute path of a file`);
    const octets = await withUpkeep(context, (upkeep) => upkeep.backup(path));
    return new DocumentWriter().string('path', path).long('octets', BigInt(octets)).double('ok', 1).finish();
  },
};
