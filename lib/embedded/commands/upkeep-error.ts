import { EngineError } from '../errors/failure.ts';
import { BackupExistsError } from '../upkeep/backup.ts';
import { UpkeepBusyError, type Upkeep } from '../upkeep/upkeep.ts';
import type { Context } from './context.ts';

/**
 * Runs long work beside the engine, and tells what keeps it from its end in MongoDB's codes.
 * @throws EngineError 117 (ConflictingOperationInProgress), 48 where the place is taken, 96 (OperationFailed)
 */
export async function withUpkeep<T>(context: Context, run: (upkeep: Upkeep) => Promise<T>): Promise<T> {
  const { upkeep } = context;
  if (upkeep === undefined) throw new EngineError(20, 'this engine has no file to look after');
  try {
    return await run(upkeep);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    if (error instanceof UpkeepBusyError) throw new EngineError(117, error.message);
    if (error instanceof BackupExistsError) throw new EngineError(48, error.message);
    throw new EngineError(96, error instanceof Error ? error.message : String(error));
  }
}
