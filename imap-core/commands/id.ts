import { stringText } from '../responses/text.ts';
import type { Decoder } from '../wire/decoder.ts';
import { SyntaxFault } from '../wire/faults.ts';
import { ANY_STATE, defineCommand } from './command.ts';

const MAX_PAIRS = 30;
const MAX_VALUE_OCTETS = 1024;

function parse(decoder: Decoder): ReadonlyMap<string, string> {
  decoder.space();
  const fields = new Map<string, string>();
  if (decoder.takeWord('NIL')) return fields;
  decoder.list(() => {
    const name = decoder.string().toLowerCase();
    decoder.space();
    fields.set(name, decoder.nstring() ?? '');
    if (fields.size > MAX_PAIRS) throw new SyntaxFault('Too many fields');
  });
  return fields;
}

/** RFC 2971. */
export const id = defineCommand({
  name: 'ID',
  states: ANY_STATE,
  effects: [],
  parse,
  run: async (fields, { connection }) => {
    const client = [...fields].map(([name, value]) => `${name}=${value.slice(0, MAX_VALUE_OCTETS)}`);
    connection.logger.debug({ client }, 'client told who it is');
    const own = [...connection.serverId].map(([name, value]) => `${stringText(name)} ${stringText(value)}`);
    connection.output.write(`* ID ${own.length === 0 ? 'NIL' : `(${own.join(' ')})`}\r\n`);
    return {};
  },
});
