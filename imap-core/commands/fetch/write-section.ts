import type { SectionItem } from '../../protocol/fetch-item.ts';
import type { MessageContent } from '../../session/message-content.ts';
import type { Output } from '../../wire/output.ts';
import { type FieldFilter, filterHeader } from './filter-header.ts';
import { locateSection, type OctetSpan } from './locate-section.ts';

/** Selected header fields up to this size are kept while their length is found out; larger ones are read twice. */
const KEPT_OCTETS = 256 * 1024;

function partOf(span: OctetSpan, { partial }: SectionItem): OctetSpan {
  if (partial === undefined) return span;
  const start = Math.min(span.end, span.start + partial.start);
  return { start, end: Math.min(span.end, start + partial.count) };
}

/** The octets [start, end) of what the pieces make up. */
async function* cut(pieces: AsyncIterable<Buffer>, { start, end }: OctetSpan): AsyncIterable<Buffer> {
  let at = 0;
  for await (const piece of pieces) {
    const from = Math.max(0, start - at);
    const to = Math.min(piece.length, end - at);
    if (from < to) yield piece.subarray(from, to);
    at += piece.length;
    if (at >= end) return;
  }
}

async function writeFields(
  output: Output,
  content: MessageContent,
  item: SectionItem,
  span: OctetSpan,
  filter: FieldFilter,
): Promise<void> {
  const read = (): AsyncIterable<Buffer> => filterHeader(content.range(span.start, span.end), filter);
  let size = 0;
  let kept: Buffer[] | undefined = [];
  for await (const piece of read()) {
    size += piece.length;
    if (size > KEPT_OCTETS) kept = undefined;
    kept?.push(piece);
  }
  const part = partOf({ start: 0, end: size }, item);
  const length = part.end - part.start;
  output.write(`${item.label} {${length}}\r\n`);
  if (length === 0) return;
  if (kept === undefined) await output.stream(cut(read(), part), length);
  else output.writeOctets(Buffer.concat(kept).subarray(part.start, part.end));
}

/**
 * Writes a section with its name. Once the literal's length has been written a failure cannot be told any more:
 * the caller must end the connection.
 */
export async function writeSection(output: Output, content: MessageContent, item: SectionItem): Promise<void> {
  const span = locateSection(content, item.section);
  if (span === undefined) {
    output.write(`${item.label} NIL`);
    return;
  }
  const { what, fields } = item.section;
  if (what === 'header-fields' || what === 'header-fields-not') {
    await writeFields(output, content, item, span, { fields, isNot: what === 'header-fields-not' });
    return;
  }
  const part = partOf(span, item);
  const length = part.end - part.start;
  if (length === 0) {
    output.write(`${item.label} ""`);
    return;
  }
  output.write(`${item.label} {${length}}\r\n`);
  await output.stream(content.range(part.start, part.end), length);
}
