import type { Command } from 'commander';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printLine } from '../print.ts';

export function declareAdminToken(program: Command): void {
  withSettings(program.command('admin-token'))
    .description('make a new admin token of the API and print it; the one before is void on every node within a minute')
    .action(async (options: SettingsOptions) => {
      const [{ hashOf, newAdminToken }, { openAdminTokenHash }, { withStore }] = await Promise.all([
        import('../admin-token.ts'),
        import('../../lib/nodes/index.ts'),
        import('../run-command.ts'),
      ]);
      const token = newAdminToken();
      await withStore(options, ({ database }, { clock }) => openAdminTokenHash(database, clock).replace(hashOf(token)));
      printLine(token);
    });
}
