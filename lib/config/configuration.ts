import type { Section, SectionValues, Setting, Settings } from '../kernel/section.ts';
import { ConfigError } from './config-error.ts';
import {
  readEnvironment,
  readFile,
  readOverrides,
  type Given,
  type GivenValue,
  type Override,
  type TextFile,
} from './read-sources.ts';
import type { SettingValue } from './read-value.ts';
import { fullName } from './setting-names.ts';

/** Where settings come from; each overrides the ones before it: declared defaults, file, environment, flags. */
export interface ConfigSources {
  readonly file?: TextFile;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Variables that begin with EIDER_ and are no settings. */
  readonly reservedVariables?: readonly string[];
  readonly overrides?: readonly Override[];
}

export interface ConfigEntry {
  readonly section: Section;
  readonly key: string;
  readonly setting: Setting;
  readonly value: SettingValue;
  /** File and line, variable or flag; undefined for a default. */
  readonly origin: string | undefined;
}

/** What a reload found. */
export interface ReloadReport {
  /** Full names of settings that have changed and are in force now. */
  readonly applied: readonly string[];
  /** Full names of settings that have changed and wait for a restart. */
  readonly waiting: readonly string[];
}

/** The settings in force. */
export interface Configuration {
  /**
   * A section's values. They stay as they are while the process runs, but for settings declared reloadable: reading
   * one of these again gives what the last reload brought.
   */
  get<S extends Settings>(section: Section<S>): SectionValues<S>;
  entries(): Iterable<ConfigEntry>;
  /** Reads everything anew. @throws ConfigError where something is wrong; then nothing has changed */
  reload(sources: ConfigSources): ReloadReport;
}

/** @throws ConfigError with everything that is wrong */
export function loadConfiguration(sections: readonly Section[], sources: ConfigSources): Configuration {
  return new LoadedConfiguration(sections, readAll(sections, sources));
}

function readAll(sections: readonly Section[], sources: ConfigSources): Map<string, GivenValue> {
  const given: Given = { values: new Map(), problems: [] };
  if (sources.file !== undefined) readFile(sections, sources.file, given);
  readEnvironment(sections, sources.environment ?? {}, sources.reservedVariables ?? [], given);
  readOverrides(sections, sources.overrides ?? [], given);
  if (given.problems.length > 0) throw new ConfigError(given.problems);
  return given.values;
}

class LoadedConfiguration implements Configuration {
  readonly #sections: readonly Section[];
  #given: Map<string, GivenValue>;

  constructor(sections: readonly Section[], given: Map<string, GivenValue>) {
    this.#sections = sections;
    this.#given = given;
  }

  get<S extends Settings>(section: Section<S>): SectionValues<S> {
    const values: Record<string, SettingValue> = {};
    for (const [key, setting] of Object.entries(section.settings)) {
      const name = fullName(section, key);
      if (setting.reloadable !== true) values[key] = this.#valueOf(name, setting);
      else Object.defineProperty(values, key, { enumerable: true, get: () => this.#valueOf(name, setting) });
    }
    return Object.freeze(values) as SectionValues<S>;
  }

  *entries(): Iterable<ConfigEntry> {
    for (const section of this.#sections) {
      for (const [key, setting] of Object.entries(section.settings)) {
        const name = fullName(section, key);
        yield { section, key, setting, value: this.#valueOf(name, setting), origin: this.#given.get(name)?.origin };
      }
    }
  }

  reload(sources: ConfigSources): ReloadReport {
    const next = readAll(this.#sections, sources);
    const applied: string[] = [];
    const waiting: string[] = [];
    const inForce = new Map(next);
    for (const { section, key, setting, value } of this.entries()) {
      const name = fullName(section, key);
      const wanted = next.get(name)?.value ?? setting.default;
      if (JSON.stringify(wanted) === JSON.stringify(value)) continue;
      if (setting.reloadable === true) {
        applied.push(name);
        continue;
      }
      waiting.push(name);
      const current = this.#given.get(name);
      if (current === undefined) inForce.delete(name);
      else inForce.set(name, current);
    }
    this.#given = inForce;
    return { applied, waiting };
  }

  #valueOf(name: string, setting: Setting): SettingValue {
    return this.#given.get(name)?.value ?? setting.default;
  }
}
