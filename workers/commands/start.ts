import type { Command } from 'commander';
import { withSettings, type StartOptions } from '../command-options.ts';

export function declareStart(program: Command): void {
  withSettings(program.command('start'))
    .description('run the server until SIGTERM or SIGINT; SIGHUP reads settings and certificates again')
    .option('--roles <list>', 'what this process does, of imap,pop3,lmtp,api,worker (default: all)')
    .option('--free-ports', 'listen on free ports of the loopback interface, whatever the settings say')
    .option('--ready-file <file>', 'write process id, addresses and a token for this run there once everything listens')
    .action(async (options: StartOptions) => {
      const { runServer } = await import('../run-server.ts');
      await runServer(options);
    });
}
