import { parse, TomlError } from 'smol-toml';
import type { Section, Setting } from '../kernel/section.ts';
import type { ConfigProblem } from './config-error.ts';
import { readFileValue, readTextValue, type ReadValue, type SettingValue } from './read-value.ts';
import { closestName, fileName, fullName, variableName } from './setting-names.ts';
import { findTomlLines } from './toml-lines.ts';

/** A value that some source gives a setting, and where. */
export interface GivenValue {
  readonly value: SettingValue;
  readonly origin: string;
}

/** What the sources give, by full name; later sources have replaced earlier ones. */
export interface Given {
  readonly values: Map<string, GivenValue>;
  readonly problems: ConfigProblem[];
}

interface Declared {
  readonly section: Section;
  readonly key: string;
  readonly setting: Setting;
}

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** Reads a TOML file of one table for each section. */
export function readFile(sections: readonly Section[], file: TextFile, given: Given): void {
  let document: Record<string, unknown>;
  try {
    document = parse(file.text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The first line of its message is the sentence; the rest draws the place.
    const sentence = error.message.split('\n')[0] ?? '';
    given.problems.push({ where: `${file.path}:${String(error.line)}`, message: sentence });
    return;
  }
  const lines = findTomlLines(file.text);
  const place = (line: number | undefined): string => (line === undefined ? file.path : `${file.path}:${String(line)}`);
  for (const [name, table] of Object.entries(document)) {
    const where = place(lines.table(name));
    const section = sections.find((candidate) => candidate.name === name);
    if (section === undefined) {
      const closest = closestName(
        name,
        sections.map((candidate) => candidate.name),
      );
      given.problems.push({
        where,
        message: `there is no section [${name}]${suggest(closest, (text) => `[${text}]`)}`,
      });
    } else if (!isTable(table)) {
      given.problems.push({ where, message: `${name} is a section: write [${name}] on a line of its own` });
    } else {
      readTable(section, table, (key) => place(lines.key(name, key)), given);
    }
  }
}

function readTable(
  section: Section,
  table: Readonly<Record<string, unknown>>,
  place: (key: string) => string,
  given: Given,
): void {
  for (const [name, raw] of Object.entries(table)) {
    const where = place(name);
    const entry = Object.entries(section.settings).find(([key]) => fileName(key) === name);
    if (entry === undefined) {
      const closest = closestName(name, Object.keys(section.settings).map(fileName));
      given.problems.push({ where, message: `[${section.name}] has no setting ${name}${suggest(closest)}` });
      continue;
    }
    const [key, setting] = entry;
    take({ section, key, setting }, readFileValue(setting, raw), where, given);
  }
}

/**
 * Reads the variables whose names begin with EIDER_. One that names no setting is a mistake, unless it is reserved.
 * @param reserved names, or beginnings of names ending in `_`, that mean something else
 */
export function readEnvironment(
  sections: readonly Section[],
  environment: Readonly<Record<string, string | undefined>>,
  reserved: readonly string[],
  given: Given,
): void {
  const known = new Map<string, Declared>();
  for (const declared of allSettings(sections)) known.set(variableName(declared.section.name, declared.key), declared);
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('EIDER_') || text === undefined) continue;
    if (reserved.some((other) => name === other || (other.endsWith('_') && name.startsWith(other)))) continue;
    const declared = known.get(name);
    if (declared === undefined) {
      given.problems.push({ where: name, message: `names no setting${suggest(closestName(name, known.keys()))}` });
      continue;
    }
    take(declared, readTextValue(declared.setting, text), name, given);
  }
}

/** A setting given on the command line, `section.key` and text. */
export interface Override {
  readonly name: string;
  readonly text: string;
  /** The flag, for messages: `--set` or one of its own such as `--data-dir`. */
  readonly origin: string;
}

export function readOverrides(sections: readonly Section[], overrides: readonly Override[], given: Given): void {
  const known = new Map<string, Declared>();
  for (const declared of allSettings(sections)) known.set(fullName(declared.section, declared.key), declared);
  for (const { name, text, origin } of overrides) {
    const declared = known.get(name);
    if (declared === undefined) {
      const message = `there is no setting ${name}${suggest(closestName(name, known.keys()))}`;
      given.problems.push({ where: origin, message });
      continue;
    }
    take(declared, readTextValue(declared.setting, text), origin, given);
  }
}

function* allSettings(sections: readonly Section[]): Iterable<Declared> {
  for (const section of sections) {
    for (const [key, setting] of Object.entries(section.settings)) yield { section, key, setting };
  }
}

function take({ section, key }: Declared, read: ReadValue, origin: string, given: Given): void {
  const name = fullName(section, key);
  if ('problem' in read) given.problems.push({ where: origin, message: `${name} ${read.problem}` });
  else given.values.set(name, { value: read.value, origin });
}

function suggest(closest: string | undefined, write = (text: string): string => text): string {
  return closest === undefined ? '' : `; did you mean ${write(closest)}?`;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
