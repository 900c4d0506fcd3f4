import type { Command } from 'commander';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';

interface ImportOptions extends SettingsOptions {
  readonly mailbox: string;
  readonly json?: true;
}

export function declareImport(program: Command): void {
  withSettings(program.command('import <user> <path>'))
    .description(
      'import mail: a Maildir with its folders and flags, an mbox file, a message (.eml), or a folder of these',
    )
    .option('--mailbox <path>', 'mailbox that takes it; folders of the source go below it, or beside INBOX', 'INBOX')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nRun it again after an interruption: what is in the mailbox already is passed over. Files whose lines end with\n' +
        'LF are imported with CRLF; a file whose first line ends with CRLF is imported as it is, to the octet.\n' +
        'Exit code 1 where something was skipped.',
    )
    .action(importMail);
}

async function importMail(username: string, path: string, options: ImportOptions): Promise<void> {
  const { withStore } = await import('../run-command.ts');
  const { openSource } = await import('../transfer/read-source.ts');
  const { importMessages } = await import('../transfer/import-messages.ts');
  const { createProgressBar } = await import('../transfer/progress-bar.ts');
  const { requireUser } = await import('../require-user.ts');
  const { imapSection } = await import('../../lib/frontends/imap/index.ts');
  const report = await withStore(options, async ({ accounts, mailboxes, messages }, { configuration, clock }) => {
    const { account } = await requireUser(accounts, username);
    const source = await openSource(path);
    const bar = createProgressBar(clock);
    try {
      return await importMessages(source, {
        mailboxes,
        messages,
        clock,
        account,
        target: options.mailbox,
        maxMessageOctets: configuration.get(imapSection).maxMessageSize,
        onProgress: ({ imported, present }, octets) =>
          bar.show(
            source.totalOctets === 0 ? 1 : octets / source.totalOctets,
            `${String(imported + present)} messages`,
          ),
      });
    } finally {
      bar.end();
    }
  });
  if (options.json === true) {
    const skipped = report.skipped.map(({ name, reason }) => ({ name, reason }));
    printJson({ imported: report.imported, present: report.present, skipped });
  } else {
    for (const { name, reason } of report.skipped) printLine(`skipped ${name}: ${reason}`);
    printLine(
      `${String(report.imported)} imported, ${String(report.present)} there already, ${String(report.skipped.length)} skipped`,
    );
  }
  if (report.skipped.length > 0) process.exitCode = 1;
}
