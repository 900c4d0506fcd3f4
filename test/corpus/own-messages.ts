import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const DIRECTORY = join(import.meta.dirname, 'messages');

/** The hand-written messages of this repository, then the seeded ones. */
export function ownMessages(): { readonly name: string; readonly octets: Buffer }[] {
  return readdirSync(DIRECTORY)
    .filter((name) => name.endsWith('.eml'))
    .sort()
    .map((name) => ({ name: `own/${name}`, octets: readFileSync(join(DIRECTORY, name)) }));
}
