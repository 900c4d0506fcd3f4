import type { Setting } from '../kernel/section.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './quantities.ts';

export type SettingValue = number | boolean | string | readonly string[];

/** A value that the setting allows, or a sentence that says what is wrong and what would be right. */
export type ReadValue = { readonly value: SettingValue } | { readonly problem: string };

/** Reads a value as TOML gives it. */
export function readFileValue(setting: Setting, raw: unknown): ReadValue {
  switch (setting.type) {
    case 'size':
      return typeof raw === 'number' || typeof raw === 'string' ? readNumber(setting, String(raw)) : wrongType(setting);
    case 'duration':
      return typeof raw === 'string' ? readNumber(setting, raw) : wrongType(setting);
    case 'integer':
      return typeof raw === 'number' ? readNumber(setting, String(raw)) : wrongType(setting);
    case 'boolean':
      return typeof raw === 'boolean' ? { value: raw } : wrongType(setting);
    case 'text':
      return typeof raw === 'string' ? readTextSetting(setting, raw) : wrongType(setting);
    case 'text-list':
      return Array.isArray(raw) && raw.every((item) => typeof item === 'string') ? { value: raw } : wrongType(setting);
  }
}

/** Reads a value as the environment and flags give it: always text; lists are separated by commas. */
export function readTextValue(setting: Setting, raw: string): ReadValue {
  const text = raw.trim();
  switch (setting.type) {
    case 'size':
    case 'duration':
    case 'integer':
      return readNumber(setting, text);
    case 'boolean':
      return text === 'true' || text === 'false' ? { value: text === 'true' } : wrongType(setting);
    case 'text':
      return readTextSetting(setting, raw);
    case 'text-list':
      return {
        value: text
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== ''),
      };
  }
}

/** The value as it would stand in a file. */
export function formatValue(setting: Setting, value: SettingValue): string {
  if (setting.type === 'size' && typeof value === 'number') {
    const text = formatSize(value);
    return /^\d+$/.test(text) ? text : JSON.stringify(text);
  }
  if (setting.type === 'duration' && typeof value === 'number') return JSON.stringify(formatDuration(value));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return tomlText(value);
  return `[${value.map(tomlText).join(', ')}]`;
}

type NumericSetting = Extract<Setting, { type: 'size' | 'duration' | 'integer' }>;

function readNumber(setting: NumericSetting, text: string): ReadValue {
  const value = parseNumber(setting, text);
  if (value === undefined) return wrongType(setting);
  const { min, max } = setting;
  if (min !== undefined && value < min) return { problem: `must be at least ${formatValue(setting, min)}` };
  if (max !== undefined && value > max) return { problem: `must be at most ${formatValue(setting, max)}` };
  return { value };
}

function parseNumber(setting: NumericSetting, text: string): number | undefined {
  if (setting.type === 'size') return parseSize(text);
  if (setting.type === 'duration') return parseDuration(text);
  return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function readTextSetting(setting: Extract<Setting, { type: 'text' }>, text: string): ReadValue {
  if (setting.oneOf === undefined || setting.oneOf.includes(text)) return { value: text };
  return { problem: `must be one of ${setting.oneOf.map((item) => JSON.stringify(item)).join(', ')}` };
}

const EXPECTED = {
  size: 'must be a size in octets, such as 1048576 or "64MiB" (KiB, MiB, GiB, TiB)',
  duration: 'must be a duration with its unit, such as "250ms", "30s", "5m", "24h" or "8d"',
  integer: 'must be a whole number',
  boolean: 'must be true or false',
  text: 'must be text in quotes',
  'text-list': 'must be a list of texts, such as ["one", "two"]',
} as const satisfies Record<Setting['type'], string>;

function wrongType(setting: Setting): ReadValue {
  return { problem: EXPECTED[setting.type] };
}

/** JSON's escapes are TOML's, but for DEL, which TOML wants escaped. */
function tomlText(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007F');
}
