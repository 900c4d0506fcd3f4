/**
 * A room declares the settings it wants beside their use; lib/config reads files, environment and flags
 * against all declared sections and hands each room its own values.
 */
interface SettingBase {
  /** One sentence: what it is for and, where it is not plain, why this default. */
  readonly doc: string;
  /** True where SIGHUP may change it in a running server. */
  readonly reloadable?: true;
}

/** Text such as `64MiB`, `5GiB`, `8KiB` or a plain number; the value is in octets. */
export interface SizeSetting extends SettingBase {
  readonly type: 'size';
  readonly default: number;
  readonly min?: number;
  readonly max?: number;
}

/** Text such as `30s`, `5m`, `24h`, `8d`, `250ms`; the value is in milliseconds. */
export interface DurationSetting extends SettingBase {
  readonly type: 'duration';
  readonly default: number;
  readonly min?: number;
  readonly max?: number;
}

export interface IntegerSetting extends SettingBase {
  readonly type: 'integer';
  readonly default: number;
  readonly min?: number;
  readonly max?: number;
}

export interface BooleanSetting extends SettingBase {
  readonly type: 'boolean';
  readonly default: boolean;
}

export interface TextSetting extends SettingBase {
  readonly type: 'text';
  /** Empty means not set. */
  readonly default: string;
  /** Shown as `[set]` by `eider config print`. */
  readonly secret?: true;
  /** The only values allowed, where the set is closed. */
  readonly oneOf?: readonly string[];
}

export interface TextListSetting extends SettingBase {
  readonly type: 'text-list';
  readonly default: readonly string[];
}

export type Setting = SizeSetting | DurationSetting | IntegerSetting | BooleanSetting | TextSetting | TextListSetting;
export type Settings = Readonly<Record<string, Setting>>;

export type ValueOf<S extends Setting> = S extends { type: 'boolean' }
  ? boolean
  : S extends { type: 'text' }
    ? string
    : S extends { type: 'text-list' }
      ? readonly string[]
      : number;

/** What a room is handed: one value per declared setting. */
export type SectionValues<S extends Settings> = { readonly [K in keyof S]: ValueOf<S[K]> };

export interface Section<S extends Settings = Settings> {
  /** TOML table name, e.g. `imap` or `lmtp`. */
  readonly name: string;
  readonly doc: string;
  /** camelCase here, kebab-case in files, EIDER_SECTION_NAME in the environment. */
  readonly settings: S;
}

export function defineSection<const S extends Settings>(section: Section<S>): Section<S> {
  return section;
}

/** A section's defaults, for tests and tools. */
export function defaultsOf<S extends Settings>(section: Section<S>): SectionValues<S> {
  return Object.fromEntries(
    Object.entries(section.settings).map(([name, setting]) => [name, setting.default]),
  ) as SectionValues<S>;
}
