import type { FetchItem, SectionItem } from '../protocol/fetch-item.ts';
import type { SectionSpec } from '../protocol/section-spec.ts';
import type { Decoder } from '../wire/decoder.ts';
import { SyntaxFault } from '../wire/faults.ts';
import { readOctetRange, readSection } from './section-spec.ts';

const MAX_ITEMS = 200;

function rfc822(label: string, what: SectionSpec['what'], isPeek: boolean): SectionItem {
  return { kind: 'section', label, section: { path: [], what, fields: [] }, partial: undefined, isPeek };
}

const ITEMS: ReadonlyMap<string, FetchItem> = new Map<string, FetchItem>([
  ['FLAGS', { kind: 'flags' }],
  ['UID', { kind: 'uid' }],
  ['INTERNALDATE', { kind: 'internal-date' }],
  ['RFC822.SIZE', { kind: 'size' }],
  ['MODSEQ', { kind: 'modseq' }],
  ['ENVELOPE', { kind: 'envelope' }],
  ['BODYSTRUCTURE', { kind: 'body-structure' }],
  ['RFC822', rfc822('RFC822', 'whole', false)],
  ['RFC822.HEADER', rfc822('RFC822.HEADER', 'header', true)],
  ['RFC822.TEXT', rfc822('RFC822.TEXT', 'text', false)],
]);

const FAST: readonly FetchItem[] = [{ kind: 'flags' }, { kind: 'internal-date' }, { kind: 'size' }];
const ALL: readonly FetchItem[] = [...FAST, { kind: 'envelope' }];
const MACROS: ReadonlyMap<string, readonly FetchItem[]> = new Map([
  ['FAST', FAST],
  ['ALL', ALL],
  ['FULL', [...ALL, { kind: 'body' }]],
]);

function readItem(decoder: Decoder, name: string): FetchItem {
  const plain = ITEMS.get(name);
  if (plain !== undefined) return plain;
  if (name !== 'BODY' && name !== 'BODY.PEEK') throw new SyntaxFault('Unknown data item');
  if (decoder.peek() !== '[') {
    if (name === 'BODY.PEEK') throw new SyntaxFault('Expected a section');
    return { kind: 'body' };
  }
  const { spec, label } = readSection(decoder);
  const partial = readOctetRange(decoder);
  return {
    kind: 'section',
    label: partial === undefined ? `BODY${label}` : `BODY${label}<${partial.start}>`,
    section: spec,
    partial,
    isPeek: name === 'BODY.PEEK',
  };
}

/** fetch-att, a list of them, or a macro (RFC 3501 section 6.4.5). */
export function readFetchItems(decoder: Decoder): readonly FetchItem[] {
  if (decoder.peek() !== '(') {
    const name = decoder.dottedWord();
    return MACROS.get(name) ?? [readItem(decoder, name)];
  }
  const items: FetchItem[] = [];
  decoder.list(() => {
    // Macros stand alone by the grammar; within a list some clients write them all the same.
    const name = decoder.dottedWord();
    items.push(...(MACROS.get(name) ?? [readItem(decoder, name)]));
    if (items.length > MAX_ITEMS) throw new SyntaxFault('Too many data items');
  });
  if (items.length === 0) throw new SyntaxFault('Expected data items');
  return items;
}
