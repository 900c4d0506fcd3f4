export { MemoryAccount } from './memory-account.ts';
export { MemoryBackend } from './memory-backend.ts';
