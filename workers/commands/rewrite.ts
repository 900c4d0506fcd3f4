import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';

interface RewriteOptions extends SettingsOptions {
  readonly plain?: true;
  readonly level?: string;
  readonly json?: true;
}

const STRONGEST = 19;

export function declareRewrite(program: Command): void {
  withSettings(program.command('rewrite'))
    .description(
      'write stored content anew: sealed with the key that is the first now, and compressed more; servers may run meanwhile',
    )
    .option('--plain', 'seal nothing any more, and open what is sealed')
    .option('--level <1-19>', 'compress attachments with this level of zstd where that saves a twentieth')
    .option('--json', 'print JSON')
    .action(rewrite);
}

async function rewrite(options: RewriteOptions): Promise<void> {
  const level = options.level === undefined ? undefined : Number(options.level);
  if (level !== undefined && !(Number.isInteger(level) && level >= 1 && level <= STRONGEST))
    throw new CommandError(`--level ${String(options.level)}: write a whole number from 1 to ${String(STRONGEST)}`);
  const isPlain = options.plain === true;
  const failures: string[] = [];
  const { withStore } = await import('../run-command.ts');
  const report = await withStore(options, async ({ messages, attachments }) => {
    const documents = await messages.reseal({ isPlain });
    const contents = await attachments.rewrite({
      isPlain,
      ...(level === undefined ? {} : { level }),
      onFailure: (id, error) => failures.push(`attachment ${id}: ${String(error)}`),
    });
    return { messages: documents, attachments: contents };
  });
  if (options.json === true) printJson({ ...report, failures });
  else {
    printLine(`messages: ${String(report.messages.rewritten)} of ${String(report.messages.seen)} written anew`);
    printLine(
      `attachments: ${String(report.attachments.rewritten)} of ${String(report.attachments.seen)} written anew, ` +
        `${String(report.attachments.octetsBefore)} octets before, ${String(report.attachments.octetsAfter)} after`,
    );
    for (const failure of failures) printLine(failure);
  }
  if (failures.length > 0) process.exitCode = 1;
}
