import { readMailbox, readNewMailbox } from '../arguments/mailbox.ts';
import { specialUseOf, type SpecialUse } from '../protocol/mailbox.ts';
import type { Decoder } from '../wire/decoder.ts';
import { RefusedArgument, SyntaxFault } from '../wire/faults.ts';
import { defineCommand, LOGGED_IN } from './command.ts';

function parseName(decoder: Decoder): string {
  decoder.space();
  return readMailbox(decoder);
}

interface CreateArguments {
  readonly path: string;
  readonly specialUse: SpecialUse | undefined;
}

/** RFC 6154 section 3: `(USE (\Sent))`; a mailbox has one use at most. */
function readUse(decoder: Decoder): SpecialUse | undefined {
  const uses: string[] = [];
  decoder.openList();
  if (!decoder.takeWord('USE')) throw new SyntaxFault('Unknown parameter of CREATE');
  decoder.space();
  decoder.list(() => {
    decoder.expect('\\');
    uses.push(`\\${decoder.atom()}`);
  });
  if (!decoder.takeClosing()) throw new SyntaxFault('Expected ")"');
  const [use] = uses;
  if (use === undefined) return undefined;
  const known = specialUseOf(use);
  if (known === undefined || uses.length > 1) throw new RefusedArgument('USEATTR', 'No such special use');
  return known;
}

function parseCreate(decoder: Decoder): CreateArguments {
  decoder.space();
  const path = readNewMailbox(decoder);
  return { path, specialUse: decoder.take(' ') ? readUse(decoder) : undefined };
}

/** RFC 3501 section 6.3.3, RFC 6154 section 3. */
export const create = defineCommand({
  name: 'CREATE',
  states: LOGGED_IN,
  effects: [],
  parse: parseCreate,
  run: async ({ path, specialUse }, { session }) => {
    await session.create(path, specialUse);
    return {};
  },
});

/** RFC 3501 section 6.3.4. DELETE of the selected mailbox ends the connection once it has been answered. */
export const remove = defineCommand({
  name: 'DELETE',
  states: LOGGED_IN,
  effects: [],
  parse: parseName,
  run: async (path, { session }) => {
    await session.remove(path);
    return {};
  },
});

/** RFC 3501 section 6.3.5. */
export const rename = defineCommand({
  name: 'RENAME',
  states: LOGGED_IN,
  effects: [],
  parse: (decoder) => {
    const from = parseName(decoder);
    decoder.space();
    return { from, to: readNewMailbox(decoder) };
  },
  run: async ({ from, to }, { session }) => {
    await session.rename(from, to);
    return {};
  },
});

/** RFC 3501 section 6.3.6. */
export const subscribe = defineCommand({
  name: 'SUBSCRIBE',
  states: LOGGED_IN,
  effects: [],
  parse: parseName,
  run: async (path, { session }) => {
    await session.setSubscribed(path, true);
    return {};
  },
});

/** RFC 3501 section 6.3.7. */
export const unsubscribe = defineCommand({
  name: 'UNSUBSCRIBE',
  states: LOGGED_IN,
  effects: [],
  parse: parseName,
  run: async (path, { session }) => {
    await session.setSubscribed(path, false);
    return {};
  },
});
