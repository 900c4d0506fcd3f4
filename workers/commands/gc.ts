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
    .description('remove message data, attachments and journal records that nothing needs any more')
    .option(
      '--older-than <age>',
      'only what has been unreferenced for so long (default: the undelete window; 0s for all of it)',
    )
    .option('--json', 'print JSON')
    .action(collectGarbage);
}

async function collectGarbage(options: GcOptions): Promise<void> {
  const olderThanMs = options.olderThan === undefined ? undefined : parseDuration(options.olderThan);
  if (options.olderThan !== undefined && olderThanMs === undefined) {
    throw new CommandError(`--older-than ${options.olderThan}: write it as 0s, 12h or 8d`);
  }
  const { withStore } = await import('../run-command.ts');
  const { journalSection, tombstoneWindow } = await import('../../lib/journal/index.ts');
  const { requireRightClock } = await import('../../lib/db/index.ts');
  const { maintainJournals } = await import('../maintain-journals.ts');
  const report = await withStore(options, async ({ database, sweep, mailboxes }, { configuration, logger, clock }) => {
    await requireRightClock(database, clock);
    const window = tombstoneWindow(configuration.get(journalSection));
    const swept = await sweep.run({ olderThanMs: olderThanMs ?? window });
    return { ...swept, ...(await maintainJournals(mailboxes, logger)) };
  });
  if (report.failedAccounts > 0) process.exitCode = 1;
  if (options.json === true) printJson(report);
  else for (const [what, count] of Object.entries(report)) printLine(`${what}: ${String(count)}`);
}
