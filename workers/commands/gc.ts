import type { Command } from 'commander';
import { parseDuration } from '../../lib/config/index.ts';
import { CommandError } from '../command-error.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';

interface GcOptions extends SettingsOptions {
  readonly olderThan?: string;
  readonly json?: true;
}

export function declareGc(program: Command): void {
  withSettings(program.command('gc'))
    .description('remove message data and attachments that nothing refers to any more')
    .option('--older-than <age>', 'only what has been unreferenced for so long (default: 8d; 0s for all of it)')
    .option('--json', 'print JSON')
    .action(collectGarbage);
}

async function collectGarbage(options: GcOptions): Promise<void> {
  const olderThanMs = options.olderThan === undefined ? undefined : parseDuration(options.olderThan);
  if (options.olderThan !== undefined && olderThanMs === undefined) {
    throw new CommandError(`--older-than ${options.olderThan}: write it as 0s, 12h or 8d`);
  }
  const { withStore } = await import('../run-command.ts');
  const report = await withStore(options, ({ sweep }) => sweep.run(olderThanMs === undefined ? {} : { olderThanMs }));
  if (options.json === true) printJson(report);
  else for (const [what, count] of Object.entries(report)) printLine(`${what}: ${String(count)}`);
}
