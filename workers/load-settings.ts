import { readFile } from 'node:fs/promises';
import {
  loadConfiguration,
  type Configuration,
  type ConfigSources,
  type Override,
  type ReloadReport,
} from '../lib/config/index.ts';
import { CommandError } from './command-error.ts';
import { sections } from './sections.ts';

/** Flags that every command with settings takes. */
export interface SettingsFlags {
  readonly config?: string;
  readonly dataDir?: string;
  readonly roles?: string;
  /** `section.key=value`, each. */
  readonly set?: readonly string[];
}

/** Variables that begin with EIDER_ and are no settings: for tests, and the one that stands for --config. */
const RESERVED_VARIABLES = ['EIDER_CONFIG', 'EIDER_CRASH_POINT', 'EIDER_TEST_', 'EIDER_CORPORA', 'EIDER_DOCDB_HOME'];

/** The configuration with the means to read its sources again. */
export interface LoadedSettings {
  /** The configuration file, by flag or variable; undefined where there is none. */
  readonly file: string | undefined;
  readonly configuration: Configuration;
  /** @throws ConfigError where something is wrong; then nothing has changed */
  reload(): Promise<ReloadReport>;
}

/** Reads defaults, file, environment and flags. @throws ConfigError, CommandError where the file cannot be read */
export async function loadSettings(flags: SettingsFlags): Promise<LoadedSettings> {
  const configuration = loadConfiguration(sections, await readSources(flags));
  return { file: fileOf(flags), configuration, reload: async () => configuration.reload(await readSources(flags)) };
}

function fileOf({ config }: SettingsFlags): string | undefined {
  const path = config ?? process.env['EIDER_CONFIG'];
  return path === '' ? undefined : path;
}

async function readSources(flags: SettingsFlags): Promise<ConfigSources> {
  const path = fileOf(flags);
  const overrides = (flags.set ?? []).map(readOverride);
  if (flags.dataDir !== undefined)
    overrides.push({ name: 'server.data-dir', text: flags.dataDir, origin: '--data-dir' });
  if (flags.roles !== undefined) overrides.push({ name: 'server.roles', text: flags.roles, origin: '--roles' });
  return {
    ...(path === undefined ? {} : { file: { path, text: await readText(path) } }),
    environment: process.env,
    reservedVariables: RESERVED_VARIABLES,
    overrides,
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`the configuration file cannot be read: ${reason}`, { cause: error });
  }
}

function readOverride(flag: string): Override {
  const at = flag.indexOf('=');
  if (at < 0) throw new CommandError(`--set ${flag}: write it as --set section.key=value`);
  return { name: flag.slice(0, at), text: flag.slice(at + 1), origin: `--set ${flag.slice(0, at)}` };
}
