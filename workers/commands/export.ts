import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';

interface ExportOptions extends SettingsOptions {
  readonly format: 'maildir' | 'mbox';
  readonly json?: true;
}

export function declareExport(program: Command): void {
  withSettings(program.command('export <user> <path>'))
    .description("export all of a user's mail into a folder")
    .addOption(
      new Option('--format <format>', 'maildir: exact octets, flags, dates; mbox: one file a mailbox, without flags')
        .choices(['maildir', 'mbox'])
        .default('maildir'),
    )
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nRun it again after an interruption: messages that are in the Maildir already are passed over.',
    )
    .action(exportMail);
}

async function exportMail(username: string, path: string, options: ExportOptions): Promise<void> {
  const { withStore } = await import('../run-command.ts');
  const { exportMaildir, exportMbox } = await import('../transfer/export-messages.ts');
  const { createProgressBar } = await import('../transfer/progress-bar.ts');
  const { requireUser } = await import('../require-user.ts');
  const run = options.format === 'mbox' ? exportMbox : exportMaildir;
  const report = await withStore(options, async ({ accounts, mailboxes, messages }, { clock }) => {
    const { account } = await requireUser(accounts, username);
    const bar = createProgressBar(clock);
    try {
      return await run({
        mailboxes,
        messages,
        account,
        folder: resolve(path),
        onProgress: (done, total) => bar.show(total === 0 ? 1 : done / total, `${String(done)} of ${String(total)}`),
      });
    } finally {
      bar.end();
    }
  });
  if (options.json === true) printJson(report);
  else {
    for (const { mailbox, reason } of report.skipped) printLine(`skipped mailbox ${mailbox}: ${reason}`);
    printLine(`${String(report.exported)} exported, ${String(report.present)} there already`);
  }
  if (report.skipped.length > 0) process.exitCode = 1;
}
