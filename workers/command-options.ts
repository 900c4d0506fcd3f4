import type { Command } from 'commander';
import type { SettingsFlags } from './load-settings.ts';

/** Adds the flags that say which store a command works on. */
export function withSettings(command: Command): Command {
  return command
    .option('--data-dir <dir>', 'data directory (default: data)')
    .option('--config <file>', 'configuration file, TOML')
    .option('--set <section.key=value>', 'override one setting; may be given several times', collect);
}

/** What commander makes of `withSettings`. */
export type SettingsOptions = SettingsFlags;

/** Flags of `eider start`. */
export interface StartOptions extends SettingsOptions {
  readonly roles?: string;
  readonly freePorts?: true;
  readonly readyFile?: string;
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
