export { attachEmbedded, type AttachedEngine, type AttachOptions } from './process/attach.ts';
export { startEngine, type RunningEngine, type StartOptions } from './server/start.ts';
