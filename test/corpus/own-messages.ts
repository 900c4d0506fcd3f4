import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { damage, generateMessages } from './generate.ts';
import { HOSTILE } from './hostile.ts';

const DIRECTORY = join(import.meta.dirname, 'messages');
const SEED = 7;

interface OwnMessage {
  readonly name: string;
  readonly octets: Buffer;
}

/** The messages written by hand; `expected.ts` says what each is made of. */
export function handWrittenMessages(): OwnMessage[] {
  return readdirSync(DIRECTORY)
    .filter((name) => name.endsWith('.eml'))
    .sort()
    .map((name) => ({ name: `own/${name}`, octets: readFileSync(join(DIRECTORY, name)) }));
}

/** All messages of this repository: hand-written, made from a seed, damaged, and hostile ones of small size. */
export function ownMessages(): OwnMessage[] {
  const generated = generateMessages(SEED, 40);
  return [
    ...handWrittenMessages(),
    ...generated.map(({ name, octets }) => ({ name: `own/${name}`, octets })),
    ...generated
      .slice(0, 20)
      .map(({ octets }, index) => ({ name: `own/damaged/${index}`, octets: damage(octets, index) })),
    ...Array.from(HOSTILE, ([name, make]) => ({ name: `own/hostile/${name}`, octets: make(60) })),
  ];
}
