/**
 * Where in a TOML file a table or a key stands, for messages. It reads only what settings need (tables one level
 * deep, keys with a value on their line); what it does not find is reported without a line.
 */
export interface TomlLines {
  /** 1-based line of `[table]`. */
  table(name: string): number | undefined;
  /** 1-based line of a key in a table. */
  key(table: string, name: string): number | undefined;
}

const TABLE = /^\s*\[\s*(["']?)([\w-]+)\1\s*\]/;
const KEY = /^\s*(["']?)([\w-]+)\1\s*(?:\.\s*(["']?)([\w-]+)\3\s*)?=/;

export function findTomlLines(text: string): TomlLines {
  const tables = new Map<string, number>();
  const keys = new Map<string, number>();
  const note = (map: Map<string, number>, name: string, line: number): void => {
    if (!map.has(name)) map.set(name, line);
  };
  let table = '';
  for (const [index, line] of text.split('\n').entries()) {
    const header = TABLE.exec(line)?.[2];
    if (header !== undefined) {
      table = header;
      note(tables, table, index + 1);
      continue;
    }
    const key = KEY.exec(line);
    if (key === null) continue;
    const [, , first = '', , second] = key;
    if (table !== '') note(keys, `${table}.${first}`, index + 1);
    else {
      note(tables, first, index + 1);
      if (second !== undefined) note(keys, `${first}.${second}`, index + 1);
    }
  }
  return {
    table: (name) => tables.get(name),
    key: (name, key) => keys.get(`${name}.${key}`) ?? tables.get(name),
  };
}
