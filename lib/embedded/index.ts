export { startEngine, type RunningEngine, type StartOptions } from './start.ts';
