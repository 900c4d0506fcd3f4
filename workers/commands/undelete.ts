import type { Command } from 'commander';
import { parseDuration } from '../../lib/config/index.ts';
import type { ExpungedMessage } from '../../lib/journal/index.ts';
import { CommandError } from '../command-error.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';

interface UndeleteOptions extends SettingsOptions {
  readonly since?: string;
  readonly mailbox?: string;
  readonly into?: string;
  readonly list?: true;
  readonly json?: true;
}

/** Messages that are read at a time to show them. */
const PAGE = 1000;

export function declareUndelete(program: Command): void {
  withSettings(program.command('undelete <user>'))
    .description('bring back messages that were expunged, or went with a mailbox that was deleted')
    .option('--since <age>', 'only what was removed so long ago at most, such as 2h or 3d (default: all there is)')
    .option('--mailbox <path>', 'only what was in this mailbox')
    .option('--into <path>', 'into this mailbox; else each into the one it was in, or INBOX where that is gone')
    .option('--list', 'show them only')
    .option('--json', 'print JSON')
    .action(undelete);
}

async function undelete(username: string, options: UndeleteOptions): Promise<void> {
  const sinceMs = options.since === undefined ? undefined : parseDuration(options.since);
  if (options.since !== undefined && sinceMs === undefined)
    throw new CommandError(`--since ${options.since}: write it as 30m, 12h or 8d`);
  const { withStore } = await import('../run-command.ts');
  const { requireUser } = await import('../require-user.ts');
  await withStore(options, async ({ accounts, mailboxes }, { clock }) => {
    const { account } = await requireUser(accounts, username);
    const choice = {
      ...(sinceMs !== undefined && { goneSince: clock.now() - sinceMs }),
      ...(options.mailbox !== undefined && { path: options.mailbox }),
    };
    if (options.list === true) {
      let cursor: string | undefined;
      do {
        const page = await mailboxes.expunged(account, {
          ...choice,
          limit: PAGE,
          ...(cursor !== undefined && { cursor }),
        });
        ({ cursor } = page);
        for (const message of page.messages) show(message, options.json === true);
      } while (cursor !== undefined);
      return;
    }
    const target = options.into === undefined ? {} : { target: { path: options.into } };
    const counts = await mailboxes.restoreAll(account, choice, target);
    if (options.json === true) printJson(counts);
    else printLine(`${String(counts.restored)} messages restored`);
  });
}

function show({ id, messageId, path, uid, size, expungedAt }: ExpungedMessage, asJson: boolean): void {
  const removed = new Date(expungedAt).toISOString();
  if (asJson) printJson({ id, messageId, path, uid, size, removed });
  else
    printLine(`${removed}  ${path ?? '(forgotten)'}  UID ${String(uid)}, ${String(size)} octets, message ${messageId}`);
}
