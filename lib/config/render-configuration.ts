import type { Section, Setting } from '../kernel/section.ts';
import type { Configuration } from './configuration.ts';
import { formatValue } from './read-value.ts';
import { fileName } from './setting-names.ts';

const WIDTH = 100;

/** A file with every setting at its default and why it is that: what config/default.toml holds. */
export function renderDefaults(sections: readonly Section[]): string {
  const blocks = sections.map((section) => {
    const settings = Object.entries(section.settings).map(
      ([key, setting]) =>
        `${comment(`${setting.doc}${limitsOf(setting)}`)}\n${fileName(key)} = ${formatValue(setting, setting.default)}\n`,
    );
    return `${comment(section.doc)}\n[${section.name}]\n\n${settings.join('\n')}`;
  });
  return blocks.join('\n');
}

/** The settings in force as a file that gives the same, secrets hidden, with where each comes from. */
export function renderConfiguration(configuration: Configuration): string {
  const lines: string[] = [];
  let current: Section | undefined;
  for (const { section, key, setting, value, origin } of configuration.entries()) {
    if (section !== current) {
      lines.push(...(current === undefined ? [] : ['']), `[${section.name}]`);
      current = section;
    }
    const isHidden = setting.type === 'text' && setting.secret === true && value !== '';
    const text = isHidden ? '"[set]"' : formatValue(setting, value);
    lines.push(`${fileName(key)} = ${text}${origin === undefined ? '' : `  # ${printable(origin)}`}`);
  }
  return `${lines.join('\n')}\n`;
}

function limitsOf(setting: Setting): string {
  const notes: string[] = [];
  if (setting.type === 'text' && setting.oneOf !== undefined) {
    notes.push(`one of ${setting.oneOf.map((item) => (item === '' ? '""' : item)).join(', ')}`);
  }
  if (setting.type === 'size' || setting.type === 'duration' || setting.type === 'integer') {
    const bound = (value: number): string => formatValue(setting, value).replaceAll('"', '');
    const { min, max } = setting;
    if (min !== undefined && max !== undefined) notes.push(`${bound(min)} to ${bound(max)}`);
    else if (min !== undefined) notes.push(`at least ${bound(min)}`);
    else if (max !== undefined) notes.push(`at most ${bound(max)}`);
  }
  if (setting.reloadable === true) notes.push('reloadable');
  return notes.length === 0 ? '' : ` (${notes.join('; ')})`;
}

/** A comment holds no control character, whatever a path on a command line does. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]/g, '?');
}

function comment(text: string): string {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(/\s+/)) {
    if (line.length + 1 + word.length > WIDTH && line !== '#') {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}
