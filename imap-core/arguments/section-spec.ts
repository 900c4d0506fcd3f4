import type { OctetRange, SectionSpec } from '../protocol/section-spec.ts';
import type { Decoder } from '../wire/decoder.ts';
import { SyntaxFault } from '../wire/faults.ts';

const MAX_PATH = 100;
const MAX_FIELDS = 1000;

const WHAT: ReadonlyMap<string, SectionSpec['what']> = new Map([
  ['', 'whole'],
  ['HEADER', 'header'],
  ['HEADER.FIELDS', 'header-fields'],
  ['HEADER.FIELDS.NOT', 'header-fields-not'],
  ['TEXT', 'text'],
  ['MIME', 'mime'],
]);

/** A section with its brackets, and how an answer spells it. */
export function readSection(decoder: Decoder): { readonly spec: SectionSpec; readonly label: string } {
  decoder.expect('[');
  const name = decoder.peek() === ']' ? '' : decoder.dottedWord();
  const { path, word } = splitSection(name);
  const what = WHAT.get(word);
  if (what === undefined || (what === 'mime' && path.length === 0)) throw new SyntaxFault('Unknown section');
  const fields: string[] = [];
  let label = name;
  if (what === 'header-fields' || what === 'header-fields-not') {
    decoder.space();
    decoder.list(() => {
      fields.push(decoder.astring());
    });
    if (fields.length === 0 || fields.length > MAX_FIELDS) throw new SyntaxFault('Expected names of header fields');
    label += ` (${fields.map(fieldText).join(' ')})`;
  }
  decoder.expect(']');
  return { spec: { path, what, fields }, label: `[${label}]` };
}

function splitSection(name: string): { readonly path: readonly number[]; readonly word: string } {
  const path: number[] = [];
  const words = name === '' ? [] : name.split('.');
  while (words.length > 0 && /^[1-9]\d{0,8}$/.test(words[0] ?? '')) path.push(Number(words.shift()));
  if (path.length > MAX_PATH) throw new SyntaxFault('Section nested too deeply');
  // A full stop with nothing behind it is no word.
  if (words.includes('')) throw new SyntaxFault('Unknown section');
  return { path, word: words.join('.') };
}

/** Field names go back as they came: an atom where they are one, else a quoted string. */
function fieldText(field: string): string {
  if (/^[^\u0000-\u0020\u007f-\uffff(){}%*"\\\]]+$/.test(field)) return field;
  if (/[\u0000\r\n\u0080-\uffff]/.test(field)) throw new SyntaxFault('Invalid name of a header field');
  return `"${field.replace(/["\\]/g, '\\$&')}"`;
}

/** `<start.count>` where it stands next. */
export function readOctetRange(decoder: Decoder): OctetRange | undefined {
  if (!decoder.take('<')) return undefined;
  const start = decoder.number();
  decoder.expect('.');
  const count = decoder.nzNumber();
  decoder.expect('>');
  return { start, count };
}
