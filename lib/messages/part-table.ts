import type { MimePart } from '../mime/index.ts';
import { filenameOf, parameterText } from '../mime/index.ts';
import type { StoredPart } from './messages.ts';
import { OctetReader, OctetWriter } from './octet-coding.ts';

const KINDS = ['leaf', 'multipart', 'message'] as const;

/** Names and values longer than this are cut: no client shows them, and a thousand parts may each bring some. */
const MAX_TEXT = 500;
const MAX_PARAMETERS = 20;

/** Octets of the table after which parts go in without names and parameters, so that it stays small for hostile mail. */
const MAX_OCTETS = 256 * 1024;

/** The part table as kept in the message document; offsets count from the octets as received, without prefix. */
export function encodeParts(parts: readonly MimePart[]): Buffer {
  const writer = new OctetWriter();
  writer.number(parts.length);
  for (const part of parts) {
    writer.number(part.parent + 1);
    writer.text(part.section);
    writer.number(KINDS.indexOf(part.kind));
    writer.number(part.headerStart);
    writer.number(part.bodyStart - part.headerStart);
    writer.number(part.bodyEnd - part.bodyStart);
    writer.text(cut(part.type));
    writer.text(cut(part.subtype));
    writer.text(part.encoding);
    const isRoomy = writer.length < MAX_OCTETS;
    writer.optionalText(isRoomy ? cut(filenameOf(part)) : undefined);
    writer.optionalText(isRoomy ? cut(part.disposition?.value) : undefined);
    writer.optionalText(isRoomy ? cut(part.contentId) : undefined);
    writeParameters(writer, isRoomy ? part.parameters : new Map());
  }
  return writer.finish();
}

/** As text, extended values (RFC 2231) under their plain name. */
function writeParameters(writer: OctetWriter, parameters: ReadonlyMap<string, string>): void {
  const names = [...new Set([...parameters.keys()].map((name) => name.replace(/\*$/, '')))].slice(0, MAX_PARAMETERS);
  writer.number(names.length);
  for (const name of names) {
    writer.text(cut(name));
    writer.text(cut(parameterText(parameters, name) ?? ''));
  }
}

/**
 * @param shift octets of the prefix, which belongs to the root's header
 * @throws RangeError where the table is damaged
 */
export function decodeParts(octets: Buffer, shift: number): StoredPart[] {
  const reader = new OctetReader(octets);
  const count = reader.number();
  const parts: (StoredPart & { readonly children: number[] })[] = [];
  for (let index = 0; index < count; index += 1) {
    const part = readPart(reader, index, shift);
    parts[part.parent]?.children.push(index);
    parts.push(part);
  }
  return parts;
}

function readPart(reader: OctetReader, index: number, shift: number): StoredPart & { readonly children: number[] } {
  const parent = reader.number() - 1;
  const section = reader.text();
  const kind = KINDS[reader.number()] ?? 'leaf';
  const headerStart = reader.number() + shift;
  const bodyStart = reader.number() + headerStart;
  const bodyEnd = reader.number() + bodyStart;
  const type = reader.text();
  const subtype = reader.text();
  const encoding = reader.text();
  const filename = reader.optionalText();
  const disposition = reader.optionalText();
  const contentId = reader.optionalText();
  const parameters = new Map<string, string>();
  for (let left = reader.number(); left > 0; left -= 1) {
    const name = reader.text();
    parameters.set(name, reader.text());
  }
  return {
    index,
    parent,
    children: [],
    section,
    kind,
    headerStart: parent < 0 ? headerStart - shift : headerStart,
    bodyStart,
    bodyEnd,
    type,
    subtype,
    charset: parameters.get('charset'),
    encoding,
    filename,
    disposition,
    contentId,
    parameters,
  };
}

function cut<T extends string | undefined>(text: T): T | string {
  return text !== undefined && text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
}
