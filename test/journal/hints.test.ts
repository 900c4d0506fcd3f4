import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { createLocalHints, createSocketHints } from '../../lib/journal/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { hintsContract } from '../contracts/hints-contract.ts';

describe('hints within a process', () => {
  hintsContract({ join: async () => createLocalHints(), isOfOneProcess: true });
});

describe('hints through a socket, by the contract', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'eider-hints-'));
  });
  after(() => rm(folder, { recursive: true }));
  hintsContract({
    join: () => createSocketHints({ path: join(folder, 'h'), logger: silentLogger, checkMs: 20 }),
  });
});
