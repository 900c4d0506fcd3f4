import type { Command } from 'commander';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printLine } from '../print.ts';

export function declareConfigCommands(program: Command): void {
  const config = program.command('config').description('show and check the settings');
  withSettings(config.command('print'))
    .description('print every setting in force and where it comes from, as TOML; secrets are hidden')
    .option('--defaults', 'print the defaults with the reason of each instead')
    .action(printConfig);
  withSettings(config.command('check'))
    .description('say what is wrong with the settings; exit code 1 where something is')
    .action(checkConfig);
}

async function printConfig(options: SettingsOptions & { readonly defaults?: true }): Promise<void> {
  const { renderConfiguration, renderDefaults } = await import('../../lib/config/index.ts');
  if (options.defaults === true) {
    const { sections } = await import('../sections.ts');
    process.stdout.write(renderDefaults(sections));
    return;
  }
  const { loadSettings } = await import('../load-settings.ts');
  const { configuration } = await loadSettings(options);
  process.stdout.write(renderConfiguration(configuration));
}

async function checkConfig(options: SettingsOptions): Promise<void> {
  const { loadSettings } = await import('../load-settings.ts');
  const { checkSettings } = await import('../check-settings.ts');
  const { configuration } = await loadSettings(options);
  await checkSettings(configuration);
  printLine('the configuration is good');
}
