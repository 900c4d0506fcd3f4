import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { printLine } from '../print.ts';

const KEY_OCTETS = 32;

/** `eider key …`: keys that seal content at rest. */
export function declareKeyCommands(program: Command): void {
  const key = program.command('key').description('make and look at keys that seal content at rest');
  key
    .command('generate')
    .description('print a new key, to be put as the first line of a key file that nobody else may read')
    .action(() => {
      printLine(randomBytes(KEY_OCTETS).toString('base64'));
    });
  key
    .command('list <file>')
    .description('print the ids of the keys of a key file, the one that seals first')
    .action(listKeys);
}

async function listKeys(file: string): Promise<void> {
  const { readKeyRing } = await import('../../lib/encryption/index.ts');
  const { readKeySource } = await import('../key-source.ts');
  const ring = await readKeySource({ file, text: '', fileName: 'the file', textName: '' }, readKeyRing);
  for (const id of ring?.ids ?? []) printLine(id);
}
