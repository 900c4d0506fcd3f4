export { attachEmbedded, type AttachedEngine, type AttachOptions } from './process/attach.ts';
export { startEngine, type RunningEngine, type StartOptions } from './server/start.ts';
export { attachUpkeep, type CheckedEngine, type EngineUpkeep } from './process/attach-upkeep.ts';
export { OwnedElsewhereError } from './server/owner-lock.ts';
export { acceptLoss, repairStopped, type RepairReport } from './process/repair-stopped.ts';
