import { rm } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { cutFiles } from './cut-files.ts';

describe('the files of an engine, cut at random', () => {
  it('hold everything acknowledged, or the damage is named', { timeout: 120_000 }, async (context) => {
    const directory = await temporaryDirectory('cut');
    try {
      await cutFiles(context, directory, 200, Number(process.env['EIDER_TEST_SEED'] ?? 184_744));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
